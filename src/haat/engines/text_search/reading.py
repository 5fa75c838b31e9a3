"""What the engine's binding answers, with the types that its stubs leave out."""

from typing import cast

import tantivy


def count_of(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """How many documents match: exact."""
    # The stub of SearchResult forgets `count`.
    return int(getattr(searcher.search(query, 1, count=True), "count"))  # noqa: B009


def stored_id(document: tantivy.Document) -> str:
    return cast(str, document.get_first("id"))


def stored_bytes(document: tantivy.Document, field: str) -> bytes:
    return bytes(cast(bytes, document.get_first(field)))
