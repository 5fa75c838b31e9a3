"""Refusals, told as RFC 9457 problem documents."""

import msgspec


class Problem(Exception):
    """A refusal without effect; `facts` are added to the document."""

    def __init__(self, status: int, code: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.facts = facts

    def body(self) -> bytes:
        title = self.code.replace("_", " ").capitalize()
        return msgspec.json.encode(
            {
                "type": f"urn:haat:sandbox:{self.code}",
                "title": title,
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
                **self.facts,
            }
        )
