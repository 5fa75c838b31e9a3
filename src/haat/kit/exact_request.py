"""Bodies are read to the letter: the framework would take "2" for 2 and 1e3 for 1000, as it does in a query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import ValidationException


class ExactRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded straight into what its handler takes."""

    async def json(self) -> Any:
        """The body as the handler's type. Raises ValidationException; malformed JSON is refused by the framework."""
        field = self.route_handler.parsed_data_field
        if field is None:
            return await super().json()
        try:
            return decoder(field.annotation).decode(await self.body())
        except msgspec.ValidationError as error:
            raise ValidationException(detail=str(error)) from error
        except msgspec.DecodeError:
            return await super().json()


@lru_cache(maxsize=1000)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a body's type, made once."""
    return msgspec.json.Decoder(kind)
