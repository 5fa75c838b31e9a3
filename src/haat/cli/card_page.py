"""`haat vault inspect`: is the page that asks for cards still the one that somebody approved?"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

SECONDS = 30
HEADERS = (
    "content-security-policy",
    "cross-origin-opener-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
)
# Facts about both pages, by name: what a script is by its digest, what a header says, where a frame leads.
Inventory = dict[str, str]


def inspect(url: str | None = None, *, approve: bool = False) -> None:
    """Look at the checkout as a shopper gets it, and at the card's frame: scripts, handlers, frames, forms, headers.

    Every difference from what was approved (`<data>/audit/card-page.json`) is named; exit status 1. Run it every hour.

    Parameters
    ----------
    url
        The shop's public address; HAAT_PUBLIC_URL, or that of the running shop, when left out.
    approve
        Keep what is there now as what has to be there. Look at the file before you do.
    """
    from haat.cli.environment import read_settings
    from haat.cli.instance import running_instance
    from haat.kit.startup import StartupFault

    settings = read_settings()
    running = running_instance(settings.data)
    shop = url or settings.public_url or (running.url if running else None)
    if shop is None:
        raise StartupFault("No shop is running here.", "Name its address: haat vault inspect https://shop.example")
    file = settings.data / "audit" / "card-page.json"
    approved = None if approve else _approved(file)
    found = inventory(shop.rstrip("/"))
    if approved is None:
        _approve(file, found)
        return
    told = differences(approved, found)
    for line in told:
        print(line)
    print(f"{len(found)} facts, {len(told)} differences")
    sys.exit(1 if told else 0)


def inventory(shop: str) -> Inventory:
    """What makes up the page of a guest who is about to pay. Raises StartupFault when it cannot be reached."""
    from haat.kit.startup import StartupFault

    try:
        cart, item = _with_a_cart(shop)
        cookie = {"Cookie": f"haat_cart={cart}"}
        page = _Page(shop + "/checkout", cookie)
        found = page.inventory("page")
        for frame in page.card_frames:
            found |= _Page(frame, {}).inventory("frame")
        _ask(f"{shop}/v1/cart/items/{item}", {"Cart-Token": cart}, method="DELETE")
    except (OSError, LookupError, StopIteration, TypeError, ValueError, http.client.HTTPException) as error:
        raise StartupFault(f"The checkout of {shop} cannot be looked at ({error}).", "Is it open?") from error
    return found


def differences(approved: Inventory, found: Inventory) -> list[str]:
    """What was added, removed or changed, one line each."""
    return [
        f"{'added' if name not in approved else 'removed' if name not in found else 'changed'}: {name}"
        for name in sorted(approved.keys() | found.keys())
        if approved.get(name) != found.get(name)
    ]


class _Page(HTMLParser):
    """A page as it came, and what in it runs, frames, or sends."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        super().__init__()
        self._url = url
        self.card_frames: list[str] = []
        self._facts: list[tuple[str, str]] = []
        self._inline: list[str] | None = None
        body, self._headers = _ask(url, headers)
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and "src" in given:
            self._facts.append((f"script {given['src']}", _digest(_ask(urljoin(self._url, given["src"]), {})[0])))
        elif tag == "script":
            self._inline = []
        if tag in ("iframe", "frame", "object", "embed", "base"):
            self._facts.append((tag, json.dumps(given, sort_keys=True)))
        if tag == "form":
            self._facts.append(("form", f"{given.get('method', 'get')} {given.get('action', '')}"))
        if tag == "div" and given.get("id") == "card-fields":
            self.card_frames.append(given.get("data-src", ""))
            self._facts.append(("card frame", given.get("data-src", "")))
        self._facts += [(f"handler {name} of {tag}", value) for name, value in given.items() if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._inline is not None:
            self._inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._inline is not None:
            self._facts.append(("inline script", _digest("".join(self._inline).encode())))
            self._inline = None

    def inventory(self, whose: str) -> Inventory:
        found = {f"{whose} header {name}": self._headers[name] for name in HEADERS if name in self._headers}
        counts: dict[str, int] = {}
        for name, value in self._facts:
            counts[name] = counts.get(name, 0) + 1
            found[f"{whose} {name}" + (f" ({counts[name]})" if counts[name] > 1 else "")] = value
        return found


def _with_a_cart(shop: str) -> tuple[str, str]:
    """A guest's cart with one thing in it: its token, and the item's id."""
    products = json.loads(_ask(f"{shop}/v1/products?limit=100", {})[0])["data"]
    variant = next(v["id"] for product in products for v in product["variants"] if v["available"])
    body = json.dumps({"variant_id": variant, "quantity": 1}).encode()
    added, headers = _ask(f"{shop}/v1/cart/items", {"Content-Type": "application/json"}, body, "POST")
    return headers["cart-token"], json.loads(added)["items"][0]["id"]


def _ask(
    url: str, headers: dict[str, str], body: bytes | None = None, method: str = "GET"
) -> tuple[bytes, dict[str, str]]:
    asked = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - the operator's own shop
    with urllib.request.urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def _digest(content: bytes) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def _approve(file: Path, found: Inventory) -> None:
    from haat.kit.startup import StartupFault

    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise StartupFault(
            f"{file} cannot be written ({error.strerror}).", "Mend its owner or mode, or name another HAAT_DATA."
        ) from error
    print(f"{len(found)} facts approved in {file}")


def _approved(file: Path) -> Inventory:
    """Raises StartupFault when nothing was approved, or it cannot be read any more."""
    from haat.kit.startup import StartupFault

    if not file.exists():
        raise StartupFault("Nothing has been approved yet.", "Run haat vault inspect --approve after each release.")
    try:
        found: Inventory = dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise StartupFault(
            f"{file} is not what was approved ({error}).", "Bring it back from a copy, or look and approve anew."
        ) from error
    return found
