"""Documents come back as they were written, as json and as jsonb alike; what no text can hold is refused."""

from __future__ import annotations

from typing import Any

import pytest

from haat.engines.database.pool import PostgresDatabase
from haat.kit.message import Invalid

KINDS = pytest.mark.parametrize("kind", ["json", "jsonb"])


async def kept(database: PostgresDatabase, kind: str, document: Any) -> Any:
    async with database.connection() as connection:
        (kept,) = await connection.fetchval(f"SELECT ARRAY[$1::{kind}]", document)
    return kept


@KINDS
@pytest.mark.parametrize(
    "document",
    [
        {"b": 1, "a": [None, True, 1.5, "ü💻"], "": {}},
        # What somebody may type: a backslash and five characters, and more backslashes.
        {"text": "\\u0000", "more": "\\\\u0000", "\\u0000": "\\\\\\u0000"},
        9007199254740993,
        "",
        None,
    ],
)
async def test_a_document_comes_back_as_it_was_written(database: PostgresDatabase, kind: str, document: Any):
    assert await kept(database, kind, document) == document


@KINDS
@pytest.mark.parametrize("document", ["\0", {"name": "A\0B"}, {"A\0": 1}, ["\\\0"], {"a": [{"b": "\\\\\0\\u0000"}]}])
async def test_a_zero_character_is_refused_and_the_connection_stays_good(
    database: PostgresDatabase, kind: str, document: Any
):
    with pytest.raises(Invalid) as refused:
        await kept(database, kind, document)
    assert refused.value.facts["errors"][0]["detail"] == "holds a zero character"
    assert await kept(database, kind, {"a": 1}) == {"a": 1}
