"""Description, console, assets and problem pages."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from haat.kit.message import DomainError
from haat.web import assets


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of third-party files with htmx in it and nothing else."""
    path = tmp_path / "vendor"
    (path / "htmx.org/dist").mkdir(parents=True)
    (path / "htmx.org/dist/htmx.min.js").write_text("var htmx = 1;" * 50)
    monkeypatch.setattr(assets, "VENDOR_FOLDERS", (tmp_path / "absent", path))
    monkeypatch.setattr(assets, "OWN_FOLDERS", (tmp_path / "web",))
    (tmp_path / "web/storefront/static").mkdir(parents=True)
    (tmp_path / "web/storefront/static/shop.css").write_text("body{}")
    (tmp_path / "web/secret.css").write_text("secret{}")
    assets.find.cache_clear()
    assets.packed.cache_clear()
    yield path
    assets.find.cache_clear()
    assets.packed.cache_clear()


async def document(client: httpx.AsyncClient) -> dict:
    return (await client.get("/openapi.json")).json()


async def test_the_description_is_openapi_3_1(client: httpx.AsyncClient):
    answer = await client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert (answer.json()["openapi"][:4], answer.json()["info"]["title"]) == ("3.1.", "haat")


@pytest.mark.parametrize("known", ["{}", 'W/{}, "older"', "*"])
async def test_the_description_is_not_sent_twice(client: httpx.AsyncClient, known: str):
    first = await client.get("/openapi.json")
    again = await client.get("/openapi.json", headers={"If-None-Match": known.format(first.headers["ETag"])})
    assert (again.status_code, again.content) == (304, b"")


async def test_an_operation_is_named_after_its_function(client: httpx.AsyncClient):
    operation = (await document(client))["paths"]["/v1/wishes"]["post"]
    assert (operation["operationId"], operation["summary"], operation["description"]) == (
        "wish",
        "Wish",
        "Wish for something.",
    )


async def test_an_operation_says_who_may_call_it(client: httpx.AsyncClient):
    paths = (await document(client))["paths"]
    told = {path: paths[path]["get"]["security"] for path in ("/v1/who", "/v1/mine", "/v1/theirs", "/v1/broken")}
    assert told == {
        "/v1/who": [{}, {"bearer": []}, {"guest": []}],
        "/v1/mine": [{"bearer": []}],
        "/v1/theirs": [{"bearer": []}],
        "/v1/broken": [],
    }
    assert "Needs the role `support`." in paths["/v1/theirs"]["get"]["description"]


async def test_an_operation_documents_how_it_can_refuse(client: httpx.AsyncClient):
    paths = (await document(client))["paths"]
    assert sorted(paths["/v1/theirs"]["get"]["responses"]) == [
        "200", "400", "401", "403", "422", "429", "500", "503",
    ]  # fmt: skip
    assert sorted(paths["/v1/wishes"]["post"]["responses"]) == [
        "201", "400", "401", "409", "413", "415", "422", "429", "500", "503",
    ]  # fmt: skip


async def test_a_refusal_is_described_as_a_problem(client: httpx.AsyncClient):
    described = (await document(client))["components"]["responses"]["Refused409"]
    assert described["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


async def test_a_call_with_an_effect_takes_an_idempotency_key(client: httpx.AsyncClient):
    [parameter] = (await document(client))["paths"]["/v1/wishes"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", False)


async def test_bodies_and_answers_have_examples(client: httpx.AsyncClient):
    operation = (await document(client))["paths"]["/v1/wishes"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["example"]
    assert body == {"name": "Asha Rao", "quantity": 1}
    assert "example" in operation["responses"]["201"]["content"]["application/json"]


async def test_pages_are_not_in_the_description(client: httpx.AsyncClient):
    assert [path for path in (await document(client))["paths"] if not path.startswith("/v1/")] == []


async def test_without_its_script_the_console_is_a_plain_list(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get("/docs")
    assert (answer.status_code, "<code>POST /v1/wishes</code>" in answer.text) == (200, True)


async def test_the_console_loads_from_here_alone(client: httpx.AsyncClient, vendor: Path):
    script = vendor / assets.VENDORED["scalar.js"]
    script.parent.mkdir(parents=True)
    script.write_text("console.log(1)")
    text = (await client.get("/docs")).text
    assert f'<script src="{assets.asset_url("scalar.js")}"></script>' in text
    assert ("default-src 'self'" in text, "https://" in text) == (True, False)


async def test_an_asset_is_kept_for_ever_under_its_digest(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get(assets.asset_url("htmx.js") or "")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert (answer.headers["Content-Type"].partition(";")[0], answer.text) == (
        "application/javascript",
        "var htmx = 1;" * 50,
    )


async def test_an_asset_is_packed_for_those_who_can_unpack(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get(assets.asset_url("htmx.js") or "", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["Content-Encoding"], answer.text) == ("gzip", "var htmx = 1;" * 50)


async def test_an_asset_is_not_packed_for_others(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get(assets.asset_url("htmx.js") or "", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers


async def test_plain_and_packed_have_one_weak_tag(client: httpx.AsyncClient, vendor: Path):
    url = assets.asset_url("htmx.js") or ""
    plain, packed = [
        (await client.get(url, headers={"Accept-Encoding": coding})).headers["ETag"] for coding in ("identity", "gzip")
    ]
    assert (plain == packed, plain.startswith('W/"')) == (True, True)


@pytest.mark.parametrize("known", ["{}", '"older", {}', "*"])
async def test_an_asset_is_not_sent_twice(client: httpx.AsyncClient, vendor: Path, known: str):
    url = assets.asset_url("htmx.js") or ""
    etag = (await client.get(url)).headers["ETag"]
    assert (await client.get(url, headers={"If-None-Match": known.format(etag)})).status_code == 304


async def test_an_older_digest_gives_the_newest_file_but_not_for_ever(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get("/assets/htmx.0123456789abcdef.js")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


async def test_our_own_files_are_served_by_page(client: httpx.AsyncClient, vendor: Path):
    answer = await client.get(assets.asset_url("storefront/shop.css") or "")
    assert (answer.text, answer.headers["Content-Type"].partition(";")[0]) == ("body{}", "text/css")


@pytest.mark.parametrize(
    "path", ["storefront/../secret.0.css", "..%2f..%2fsecret.0.css", "storefront/..%2f..%2fsecret.0.css"]
)
async def test_nothing_outside_the_folders_is_served(client: httpx.AsyncClient, vendor: Path, path: str):
    assert (await client.get(f"/assets/{path}")).status_code == 404


def test_an_asset_that_is_not_installed_has_no_address(vendor: Path):
    assert assets.asset_url("scalar.js") is None


@pytest.mark.parametrize("code", ["email_taken", "not_found", "too_large", "internal", "malformed"])
async def test_a_problem_has_a_page(client: httpx.AsyncClient, code: str):
    answer = await client.get(f"/problems/{code}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert ("What to do" in answer.text, code in answer.text) == (True, True)


async def test_every_known_error_has_a_page_with_its_title(client: httpx.AsyncClient):
    missing = [code for code in DomainError.known if (await client.get(f"/problems/{code}")).status_code != 200]
    assert missing == []
