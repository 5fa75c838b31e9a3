"""`/problems/{code}`: the page that the `type` of a problem leads to, written from the errors themselves."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from litestar import MediaType, get

from haat.kit.message import DomainError, NotFound
from haat.kit.problem import GENERIC

ADVICE = {
    400: "Correct the request: its form, not its values, cannot be read. Repeating it unchanged gives the same answer.",
    401: "Sign in (POST /v1/sessions) or renew the access token (POST /v1/sessions/refresh), then repeat the request.",
    402: "Nothing was charged. Ask the shopper for another way to pay, then complete the checkout again.",
    403: "The account lacks a role. Someone with the role must do this, or give it to the account.",
    404: "Check the id. What belongs to somebody else is answered in the same way as what does not exist.",
    405: "Look at the Allow header of the answer, or at the API description.",
    409: "Read the facts in the problem, fetch the present state, and decide anew. Repeating blindly does not help.",
    412: "Fetch the resource again, apply the change to what it is now, and send its new ETag in If-Match.",
    413: "Send less: a request may hold two megabytes.",
    415: "Send the body as the API description says, in most places application/json.",
    422: "Look into `errors`: each fault has a pointer into the request, a code and a sentence. All are listed.",
    428: "Fetch the resource and send its ETag in If-Match, so that nobody's change is overwritten unseen.",
    429: "Wait for as many seconds as Retry-After says, then repeat the request.",
    500: "The fault is ours and was recorded under the request_id. Repeat later, with the same Idempotency-Key.",
    503: "Wait for as many seconds as Retry-After says, then repeat the request with the same Idempotency-Key.",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }}
code {{ background: #8882; padding: .1em .3em; border-radius: .2em }}</style>
<h1>{title}</h1>
<p><code>{code}</code> · HTTP status {status} {phrase}</p>
<h2>What it means</h2>
<p>{meaning}</p>
<h2>What to do</h2>
<p>{advice}</p>
<p><a href="/docs">The API's description</a></p>
</html>
"""


@get("/problems/{code:str}", include_in_schema=False, media_type=MediaType.HTML)
async def problem_page(code: str) -> str:
    """What a code means and what to do about it; 404 for a code that does not exist."""
    known = DomainError.known.get(code)
    if known is not None:
        # One line: what follows in a docstring speaks to those who write the code.
        meaning = (known.__doc__ or known.title).strip().partition("\n")[0]
        return _page(code, known.status, known.title, meaning)
    for status, (generic, title) in GENERIC.items():
        if generic == code:
            return _page(code, status, title, title + ".")
    raise NotFound("There is no such problem")


def _page(code: str, status: int, title: str, meaning: str) -> str:
    advice = ADVICE.get(status, "Read `detail` and the facts in the problem.")
    return _PAGE.format(
        code=escape(code),
        status=status,
        phrase=HTTPStatus(status).phrase,
        title=escape(title),
        meaning=escape(meaning),
        advice=escape(advice),
    )
