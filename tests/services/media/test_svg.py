"""Drawings come in only when they are nothing but drawings."""

import pytest

from haat.demo.catalogue import products
from haat.demo.drawings.compose import draw
from haat.services.media.svg import NotADrawing, size_of


def svg(inside: str, attributes: str = 'width="100" height="50"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject/>",
        '<image href="#x"/>',
        "<style>*{}</style>",
        "<text>hello</text>",
        "<animate/>",
        '<a href="#x"/>',
        '<rect onload="alert(1)"/>',
        '<rect style="fill:url(http://a)"/>',
        '<use href="http://elsewhere.example/x.svg#a"/>',
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="file:///etc/passwd"/>',
        '<rect fill="url(http://elsewhere.example/a)"/>',
        "<rect fill=\"url( 'data:image/png;base64,x')\"/>",
        '<x:script xmlns:x="http://www.w3.org/2000/svg"/>',
        "<?php echo 1 ?>",
        "<svg/>",
        "<rect>",
    ],
)
def test_what_runs_or_leads_outside_is_refused(inside: str) -> None:
    with pytest.raises(NotADrawing):
        size_of(svg(inside))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not xml",
        b"<html/>",
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        b'<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg/>',
        svg("", 'width="100000" height="1"'),
        svg("", 'viewBox="0 0 x y"'),
        svg("<g/>" * 20_001),
    ],
)
def test_what_is_no_drawing_is_refused(document: bytes) -> None:
    with pytest.raises(NotADrawing):
        size_of(document)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="100" height="50"', (100, 50)),
        ('width="100px" height="50px"', (100, 50)),
        ('viewBox="0 0 300 200"', (300, 200)),
        ('width="100%" height="100%" viewBox="0,0,300,200"', (300, 200)),
        ("", (1000, 1000)),
    ],
)
def test_the_size_is_read(attributes: str, size: tuple[float, float]) -> None:
    assert size_of(svg('<rect fill="url(#a)"/><use href="#b"/>', attributes)) == size


def test_our_own_drawings_come_in() -> None:
    product = next(iter(products()))
    assert size_of(draw(product, 0).encode()) == (1200, 1200)
