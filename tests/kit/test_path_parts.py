"""Parts of a path that hold a slash themselves."""

import pytest

from haat.kit.path_parts import kept_apart, whole


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/v1/inventory/A%2fB%20C/events", ["", "v1", "inventory", "A/B C", "events"]),
        (b"/v1/%2F%2F/x", ["", "v1", "//", "x"]),
        (b"/v1/caf%C3%A9/%FF", ["", "v1", "café", "\N{REPLACEMENT CHARACTER}"]),
    ],
)
def test_an_encoded_slash_parts_nothing(raw: bytes, parts: list[str]):
    assert [whole(part) for part in kept_apart(raw).split("/")] == parts
