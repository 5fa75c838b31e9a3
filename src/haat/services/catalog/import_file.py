"""What `POST /v1/imports` takes: files by their media type, and how the API's description says so."""

from __future__ import annotations

from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

FORMATS = {
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/x-jsonlines": "jsonl",
}
_EXAMPLES = {
    "csv": "sku,title,category,price,stock\nCUP-1,Clay cup,Home > Kitchen,149.00,40\n",
    "jsonl": '{"sku": "CUP-1", "title": "Clay cup", "category": "Home > Kitchen", "price": "149.00", "stock": 40}\n',
}


class ImportOperation(Operation):
    """The body is a file, not a JSON message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_body = RequestBody(
            required=True,
            description="One product a row or line; prices in major units. Common field names are understood. A row"
            " whose SKU is known changes only the fields it has, of that variant and its product: `sku` and `price` are"
            " enough. A new product needs a title and a price; a line with `variants` has them all.",
            content={
                kind: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, examples=[_EXAMPLES[format]]))
                for kind, format in FORMATS.items()
            },
        )
