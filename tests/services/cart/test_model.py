"""The rules of a cart."""

import pytest

from haat.contracts.cart import CartFull, NotForSale, Owner
from haat.contracts.catalog import ForSale
from haat.contracts.inventory import OutOfStock
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from haat.services.cart.model import CartState, Facts, Item, cart_of, for_sale, opens, secret_hash, view

LAMP = ForSale(
    variant_id="var_lamp",
    product_id="prd_lamp",
    sku="LAMP-1",
    title="Lamp",
    slug="lamp",
    options={},
    price=Money(129900),
    tax_class="standard",
    hsn="9405",
    weight_grams=900,
    category_path=["home"],
)


def item(variant_id: str = "var_lamp", quantity: int = 1, price: int = 129900) -> Item:
    return Item(new_id("itm"), "prd_lamp", variant_id, quantity, price, now())


def test_units_of_a_variant_already_in_the_cart_add_up():
    cart = CartState("crt_1", [item(quantity=2)], 1)
    assert cart.with_added(LAMP, 3, available=5).quantity == 5


def test_adding_more_than_stock_counts_the_units_already_there():
    cart = CartState("crt_1", [item(quantity=2)], 1)
    with pytest.raises(OutOfStock) as refused:
        cart.with_added(LAMP, 2, available=3)
    assert refused.value.facts == {"sku": "LAMP-1", "available": 3, "requested": 4}


def test_more_of_one_thing_than_a_cart_holds_is_not_called_left():
    cart = CartState("crt_1", [item(quantity=6_000)], 1)
    with pytest.raises(OutOfStock, match="Only 10000 left") as refused:
        cart.with_added(LAMP, 5_000, available=20_000)
    assert refused.value.facts == {"sku": "LAMP-1", "available": 10_000, "requested": 11_000}


def test_a_cart_refuses_the_101st_different_item():
    cart = CartState("crt_1", [item(f"var_{i}") for i in range(100)], 1)
    with pytest.raises(CartFull):
        cart.with_added(LAMP, 1, available=9)


def test_an_unknown_item_is_not_found():
    with pytest.raises(NotFound):
        CartState("crt_1", [], 1).item("itm_x")


def test_a_product_without_variants_for_sale_cannot_be_bought():
    with pytest.raises(NotForSale):
        for_sale([LAMP], None)


def test_a_users_cart_id_follows_from_the_users_id():
    assert cart_of(Owner(user_id="usr_01abc"))[:2] == ("crt_01abc", "usr_01abc")


def test_a_guest_token_names_its_cart_and_opens_it():
    cart_id, user_id, token = cart_of(Owner())
    assert (cart_of(Owner(token=token))[0], user_id) == (cart_id, None)
    assert opens(token, secret_hash(token))


def test_another_secret_does_not_open_a_guest_cart():
    _, _, token = cart_of(Owner())
    assert not opens(token + "x", secret_hash(token))


def test_the_view_sums_lines_and_tells_what_changed():
    cart = CartState("crt_1", [item(quantity=3, price=119900)], 4)
    shown = view(cart, Facts(variants=[LAMP], stock={"LAMP-1": 2}), "INR")
    assert shown.subtotal == Money(389700)
    assert [message.code for message in shown.messages] == ["not_enough", "price_changed"]


def test_a_variant_not_sold_any_more_is_told_and_not_counted():
    shown = view(CartState("crt_1", [item()], 1), Facts(), "INR")
    assert (shown.subtotal, [message.code for message in shown.messages]) == (Money(0), ["unavailable"])
