"""The cart as a client meets it."""

from __future__ import annotations

import pytest

from haat.contracts.identity import Identity, Register
from haat.kit.ids import new_id
from tests.services.shopfloor import PRICE, Floor


async def add(shopfront, variant, quantity=1, **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"variant_id": variant.id, "quantity": quantity}
    return await shopfront.post("/v1/cart/items", headers=named, json=body)


async def test_a_guest_is_given_a_token_and_known_by_it(shopfront, floor: Floor):
    lamp = await floor.variant(stock=10)
    first = await add(shopfront, lamp, 2)
    token = first.headers["Cart-Token"]
    again = await shopfront.get("/v1/cart", headers={"Cart-Token": token})
    body = again.json()
    assert (first.status_code, again.status_code, again.headers["Cart-Token"]) == (201, 200, token)
    assert body["subtotal"] == {"amount": PRICE * 2, "currency": "INR"}
    assert [(item["sku"], item["quantity"], item["available"]) for item in body["items"]] == [(lamp.sku, 2, 10)]


async def test_a_guessed_token_finds_an_empty_cart(shopfront, floor: Floor):
    token = (await add(shopfront, await floor.variant())).headers["Cart-Token"]
    guessed = token.partition(".")[0] + "." + "x" * 32
    answer = await shopfront.get("/v1/cart", headers={"Cart-Token": guessed})
    assert (answer.status_code, answer.json()["items"], answer.headers["Cart-Token"] == guessed) == (200, [], False)


async def test_a_users_cart_has_no_token(shopfront, floor: Floor, people):
    _, headers = await people()
    answer = await add(shopfront, await floor.variant(), **headers)
    assert (answer.status_code, "Cart-Token" in answer.headers, answer.json()["token"]) == (201, False, None)


async def test_more_than_there_is_answers_409_with_what_is_available(shopfront, floor: Floor):
    lamp = await floor.variant(stock=3)
    answer = await add(shopfront, lamp, 4)
    body = answer.json()
    assert (answer.status_code, body["code"], body["available"], body["requested"]) == (409, "out_of_stock", 3, 4)


async def test_a_quantity_is_changed_and_validated(shopfront, floor: Floor):
    answer = await add(shopfront, await floor.variant(stock=3))
    headers = {"Cart-Token": answer.headers["Cart-Token"]}
    path = f"/v1/cart/items/{answer.json()['items'][0]['id']}"
    changed = await shopfront.patch(path, headers=headers, json={"quantity": 3})
    refused = await shopfront.patch(path, headers=headers, json={"quantity": 4})
    removed = await shopfront.delete(path, headers=headers)
    assert (changed.status_code, changed.json()["items"][0]["quantity"]) == (200, 3)
    assert (refused.status_code, refused.json()["code"], refused.json()["available"]) == (409, "out_of_stock", 3)
    assert (removed.status_code, removed.json()["items"]) == (200, [])


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 10_001, 1_000_000, "2", None])
async def test_a_senseless_quantity_answers_422(shopfront, floor: Floor, quantity):
    answer = await add(shopfront, await floor.variant(stock=3), quantity)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["/quantity"])


async def test_a_price_of_the_clients_own_answers_422_with_every_fault(shopfront, floor: Floor):
    body = {"variant_id": 5, "quantity": 0, "unit_price": {"amount": 1, "currency": "INR"}}
    answer = await shopfront.post("/v1/cart/items", json=body)
    pointers = sorted(error["pointer"] for error in answer.json()["errors"])
    assert (answer.status_code, pointers) == (422, ["/quantity", "/unit_price", "/variant_id"])


async def test_what_is_not_sold_answers_404(shopfront):
    answer = await shopfront.post("/v1/cart/items", json={"variant_id": new_id("var"), "quantity": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_for_sale")


async def test_an_item_of_somebody_else_answers_404(shopfront, floor: Floor):
    lamp = await floor.variant()
    item_id = (await add(shopfront, lamp)).json()["items"][0]["id"]
    headers = {"Cart-Token": (await add(shopfront, lamp)).headers["Cart-Token"]}
    path = f"/v1/cart/items/{item_id}"
    answers = [
        await shopfront.patch(path, headers=headers, json={"quantity": 2}),
        await shopfront.delete(path, headers=headers),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 2


async def test_the_same_key_answers_the_same_and_says_so(shopfront, floor: Floor):
    lamp = await floor.variant(stock=2)
    token = (await add(shopfront, await floor.variant())).headers["Cart-Token"]
    headers = {"Cart_Token": token, "Idempotency_Key": new_id("key")}
    first, again = [await add(shopfront, lamp, 2, **headers) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")


async def test_another_body_under_the_key_answers_422(shopfront, floor: Floor):
    lamp = await floor.variant()
    token = (await add(shopfront, lamp)).headers["Cart-Token"]
    headers = {"Cart_Token": token, "Idempotency_Key": new_id("key")}
    answers = [await add(shopfront, lamp, quantity, **headers) for quantity in (1, 2)]
    assert (answers[1].status_code, answers[1].json()["code"]) == (422, "idempotency_conflict")


async def test_a_guests_cart_is_the_users_after_signing_in(shopfront, floor: Floor):
    who = {"email": f"{new_id('asha')}@example.com", "password": "a long enough password"}
    await floor.house.ask(Identity).register(Register(name="Asha Rao", **who))
    lamp = await floor.variant()
    guest = {"Cart-Token": (await add(shopfront, lamp, 2)).headers["Cart-Token"]}
    tokens = (await shopfront.post("/v1/sessions", headers=guest, json=who)).json()
    mine = await shopfront.get("/v1/cart", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    spent = await shopfront.get("/v1/cart", headers=guest)
    assert [item["quantity"] for item in mine.json()["items"]] == [2]
    assert spent.json()["items"] == []
