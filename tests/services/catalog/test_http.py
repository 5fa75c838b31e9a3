"""The catalogue's public routes."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from haat.contracts.identity import AccessToken, Identity, OfUser, Principal, User
from haat.kit.ids import new_id
from haat.services.catalog.http import ROUTES
from haat.web.gateway.app import gateway

STAFF = {"Authorization": "Bearer staff"}
SHOPPER = {"Authorization": "Bearer shopper"}


class People(Identity):
    """Two people by their tokens."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        return Principal(
            user_id=f"usr_{ask.token}",
            session_id="ses_1",
            roles=["catalogue"] if ask.token == "staff" else [],
            expires_at=datetime.now(UTC) + timedelta(hours=1),
        )

    async def user(self, ask: OfUser) -> User:
        return User(id=ask.user_id, email="a@example.com", name="Asha", roles=[], created_at=datetime.now(UTC))


@pytest.fixture
async def client(catalog):
    app = gateway(ROUTES, {"catalog": catalog, "identity": People()}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as opened:
        yield opened


@pytest.fixture
def body(a_product):
    return msgspec.to_builtins(a_product())


async def test_a_page_has_a_tag_and_is_not_sent_twice(client, created):
    product = await created()
    first = await client.get(f"/v1/products/{product.slug}")
    again = await client.get(f"/v1/products/{product.slug}", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, first.json()["id"], first.headers["Content-Type"]) == (
        200, product.id, "application/json",
    )  # fmt: skip
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("known", ['"1-0000"', '"2"', '"x", "y"'])
async def test_another_tag_gets_the_page(client, created, known):
    product = await created()
    answer = await client.get(f"/v1/products/{product.id}", headers={"If-None-Match": known})
    assert (answer.status_code, answer.json()["slug"]) == (200, product.slug)


async def test_a_list_has_a_tag_too(client, created, category):
    await created()
    first = await client.get(f"/v1/products?category={category}")
    again = await client.get(f"/v1/products?category={category}", headers={"If-None-Match": first.headers["ETag"]})
    assert (len(first.json()["data"]), again.status_code) == (1, 304)


async def test_cursors_lead_on_and_foreign_ones_are_refused(client, created, category):
    made = [(await created()).id for _ in range(2)]
    first = (await client.get(f"/v1/products?category={category}&limit=1")).json()
    second = (await client.get(f"/v1/products?category={category}&limit=1&cursor={first['next_cursor']}")).json()
    foreign = await client.get(f"/v1/products?cursor={first['next_cursor']}")
    assert [first["data"][0]["id"], second["data"][0]["id"], second["has_more"]] == [made[1], made[0], False]
    assert (foreign.status_code, foreign.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=many", "status=secret"])
async def test_parameters_out_of_range_are_invalid(client, query):
    answer = await client.get(f"/v1/products?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/" + query.partition("=")[0])


@pytest.mark.parametrize("ref", ["no-such-thing", "prd_01jd00000000000000000000zz", "var_x", "a%20b", "₹"])
async def test_what_is_not_there_is_not_found(client, ref):
    assert (await client.get(f"/v1/products/{ref}")).status_code == 404


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (SHOPPER, 403), (STAFF, 200)])
async def test_drafts_are_for_staff(client, headers, status):
    assert (await client.get("/v1/products?status=draft", headers=headers)).status_code == status


async def test_drafts_of_one_category_are_not_all_drafts(client, category):
    answer = await client.get(f"/v1/products?status=draft&category={category}", headers=STAFF)
    assert (answer.status_code, [each["pointer"] for each in answer.json().get("errors", [])]) == (422, ["/category"])


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (SHOPPER, 403), (STAFF, 201)])
async def test_only_catalogue_staff_create(client, body, headers, status):
    assert (await client.post("/v1/products", json=body, headers=headers)).status_code == status


async def test_staff_change_what_they_have_read(client, body):
    made = await client.post("/v1/products", json=body, headers=STAFF)
    at, tag = made.headers["Location"], (await client.get(made.headers["Location"])).headers["ETag"]
    bare = await client.patch(at, json={"title": "Tall cup"}, headers=STAFF)
    changed = await client.patch(at, json={"title": "Tall cup"}, headers={**STAFF, "If-Match": tag})
    late = await client.patch(at, json={"title": "Small cup"}, headers={**STAFF, "If-Match": tag})
    next_one = await client.patch(at, json={"brand": "M"}, headers={**STAFF, "If-Match": changed.headers["ETag"]})
    assert [each.status_code for each in (bare, changed, late, next_one)] == [428, 200, 412, 200]
    assert (next_one.json()["title"], next_one.json()["brand"]) == ("Tall cup", "M")


@pytest.mark.parametrize("many", ["*", " * ", '"9", "{}"', '"x-1", W/"7", "{}"'])
async def test_staff_change_and_remove_a_product_whatever_it_is_or_as_one_of_several(client, body, many):
    at = (await client.post("/v1/products", json=body, headers=STAFF)).headers["Location"]
    changed = await client.patch(at, json={"title": "Tall cup"}, headers={**STAFF, "If-Match": many.format(1)})
    removed = await client.delete(at, headers={**STAFF, "If-Match": many.format(changed.headers.get("ETag", "")[1:-1])})
    gone = await client.patch(at, json={"title": "Cup"}, headers={**STAFF, "If-Match": "*"})
    assert [each.status_code for each in (changed, removed, gone)] == [200, 204, 404]


@pytest.mark.parametrize("tag", ['W/"1"', '"*"', '"9", *', "", ",", '"9", "8"'])
async def test_a_tag_that_a_product_does_not_have_changes_nothing(client, body, tag):
    at = (await client.post("/v1/products", json=body, headers=STAFF)).headers["Location"]
    answer = await client.patch(at, json={"title": "Tall cup"}, headers={**STAFF, "If-Match": tag})
    assert (answer.status_code, (await client.get(at)).headers["ETag"][:2]) == (412, '"1')


async def test_changes_of_whatever_is_there_wait_for_one_another(client, body):
    at = (await client.post("/v1/products", json=body, headers=STAFF)).headers["Location"]
    changes = [{"title": "Tall cup"}, {"brand": "M"}, {"description": "For tea"}, {"hsn": "6912"}]
    whatever = {**STAFF, "If-Match": "*"}
    answers = await asyncio.gather(*(client.patch(at, json=change, headers=whatever) for change in changes))
    found = (await client.get(at)).json()
    assert [each.status_code for each in answers] == [200] * 4
    assert [{name: found[name] for name in change} for change in changes] == changes


async def test_staff_remove_what_they_have_read(client, body):
    at = (await client.post("/v1/products", json=body, headers=STAFF)).headers["Location"]
    statuses = [
        (await client.delete(at, headers=headers)).status_code
        for headers in (STAFF, {**STAFF, "If-Match": '"9"'}, {**STAFF, "If-Match": '"1"'}, {**STAFF, "If-Match": '"1"'})
    ]
    assert (statuses, (await client.get(at)).status_code) == ([428, 412, 204, 404], 404)


async def test_unknown_fields_of_a_product_are_invalid_all_at_once(client, body):
    given = {**body, "prize": 1, "title": "", "variants": []}
    answer = await client.post("/v1/products", json=given, headers=STAFF)
    pointers = [each["pointer"] for each in answer.json()["errors"]]
    assert (answer.status_code, pointers) == (422, ["/title", "/variants", "/prize"])


async def test_the_same_key_creates_one_product(client, body):
    headers = {**STAFF, "Idempotency-Key": new_id("key")}
    answers = [await client.post("/v1/products", json=body, headers=headers) for _ in range(2)]
    assert [each.headers.get("Idempotent-Replayed") for each in answers] == [None, "true"]
    assert answers[0].json() == answers[1].json()


async def test_a_review_carries_its_authors_name(client, created):
    product = await created()
    at = f"/v1/products/{product.slug}/reviews"
    nobody = await client.post(at, json={"rating": 5})
    posted = await client.post(at, json={"rating": 5, "title": "Good"}, headers=SHOPPER)
    listed = (await client.get(at)).json()
    assert (nobody.status_code, posted.status_code, posted.json()["author"]) == (401, 201, "Asha")
    assert listed == {"data": [posted.json()], "has_more": False, "next_cursor": None}


@pytest.mark.parametrize("body", [{"rating": 0}, {"rating": 6}, {"rating": 4.5}, {}, {"rating": 5, "verified": True}])
async def test_a_review_out_of_range_is_invalid(client, created, body):
    product = await created()
    answer = await client.post(f"/v1/products/{product.id}/reviews", json=body, headers=SHOPPER)
    assert answer.status_code == 422


async def test_the_tree_of_categories_is_public(client, cache, category):
    await cache.invalidate("categories")
    roots = (await client.get("/v1/categories")).json()["data"]
    (root,) = [each for each in roots if each["slug"] == f"{category}-root"]
    assert (root["count"], root["children"][0]["children"][0]["path"][2]) == (0, category)


async def test_staff_make_a_category_and_repeat_it(client, category):
    body = {"slug": f"{category}-new", "title": "New", "parent_slug": category}
    answers = [(await client.post("/v1/categories", json=body, headers=STAFF)).status_code for _ in range(2)]
    shopper = await client.post("/v1/categories", json=body, headers=SHOPPER)
    assert (answers, shopper.status_code) == ([204, 204], 403)


async def test_a_category_below_nothing_is_invalid(client):
    body = {"slug": "lost", "title": "Lost", "parent_slug": "no-such"}
    answer = await client.post("/v1/categories", json=body, headers=STAFF)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_found")


async def test_a_file_is_imported_in_the_background(client, service):
    sku = new_id("x")
    file = f"sku,title,category,price\n{sku},Clay cup,Home > Cups,149.50\n{sku}-2,Bad cup,Home,cheap\n"
    headers = {**STAFF, "Content-Type": "text/csv"}
    started = await client.post("/v1/imports", content=file, headers=headers)
    await service.run_imports()
    job = (await client.get(started.headers["Location"], headers=STAFF)).json()
    assert (started.status_code, started.json()["status"], job["status"]) == (202, "queued", "done")
    assert (job["rows"], job["created"], job["error_count"]) == (2, 1, 1)
    assert job["errors"] == [
        {"line": 3, "pointer": "/price", "code": "wrong_type", "detail": "'cheap' is not a number"}
    ]


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), (SHOPPER, 403), ({**STAFF, "Content-Type": "application/pdf"}, 415)]
)
async def test_imports_are_for_staff_and_files_of_known_types(client, headers, status):
    assert (await client.post("/v1/imports", content="x", headers=headers)).status_code == status


async def test_an_empty_file_is_invalid(client):
    headers = {**STAFF, "Content-Type": "application/jsonl"}
    assert (await client.post("/v1/imports", content="", headers=headers)).status_code == 422


async def test_a_file_may_be_larger_than_other_bodies(client):
    headers = {**STAFF, "Content-Type": "application/jsonl"}
    answers = [
        await client.post("/v1/imports", content=b" " * size, headers=headers) for size in (3_000_000, 50_000_001)
    ]
    assert [each.status_code for each in answers] == [202, 413]


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 2**64, 10**30])
async def test_a_number_that_not_every_client_reads_is_invalid(client, body, number):
    answer = await client.post("/v1/products", json={**body, "attributes": {"power": number}}, headers=STAFF)
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/attributes/power"])


@pytest.mark.parametrize("position", [2**31, -(2**31) - 1, 2**64])
async def test_a_position_is_a_number_that_fits(client, position):
    body = {"slug": "far-away", "title": "Far away", "position": position}
    answer = await client.post("/v1/categories", json=body, headers=STAFF)
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/position"])


async def test_an_unknown_import_is_not_found(client):
    assert (await client.get(f"/v1/imports/{new_id('imp')}", headers=STAFF)).status_code == 404


async def test_everything_is_exported_line_by_line(client, created):
    published, draft = await created(), await created(status="draft")
    answer = await client.get("/v1/exports/products", headers=STAFF)
    ids = [msgspec.json.decode(line)["id"] for line in answer.content.splitlines()]
    assert (published.id in ids, draft.id in ids, len(ids)) == (True, True, len(set(ids)))
    assert answer.headers["Content-Type"] == "application/jsonl"


async def test_an_export_can_be_imported_again(client, service, created):
    product = await created(attributes={"glazed": True}, brand="Mitti", hsn="6912")
    lines = (await client.get("/v1/exports/products", headers=STAFF)).content.splitlines()
    (line,) = [line for line in lines if product.id.encode() in line]
    headers = {**STAFF, "Content-Type": "application/jsonl"}
    started = await client.post("/v1/imports", content=line, headers=headers)
    await service.run_imports()
    job = (await client.get(started.headers["Location"], headers=STAFF)).json()
    assert (job["errors"], job["created"], job["updated"]) == ([], 0, 0)


async def test_the_api_description_says_what_is_sent(client):
    paths = (await client.get("/docs/openapi.json")).json()["paths"]
    one = paths["/v1/products/{product_id}"]["get"]["responses"]
    schema = one["200"]["content"]["application/json"]["schema"]
    assert (schema["$ref"].rpartition("/")[2], "304" in one, "404" in one) == ("Product", True, True)
    assert sorted(paths["/v1/imports"]["post"]["requestBody"]["content"]) == [
        "application/jsonl", "application/x-jsonlines", "application/x-ndjson", "text/csv",
    ]  # fmt: skip
