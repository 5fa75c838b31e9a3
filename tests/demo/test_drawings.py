"""Every product of the demo shop has pictures that a strict XML reader accepts."""

from xml.etree import ElementTree

import pytest

from haat.demo.catalogue import products
from haat.demo.drawings import draw
from haat.demo.drawings.compose import drawing_of

PRODUCTS = list(products())
ALLOWED = {
    *("svg", "defs", "stop", "linearGradient", "radialGradient", "clipPath"),
    *("g", "rect", "circle", "ellipse", "path"),
}


def test_every_product_has_at_least_two_pictures_with_a_description() -> None:
    assert min(len(product.images) for product in PRODUCTS) >= 2
    assert all(image.alt.startswith(product.title) for product in PRODUCTS for image in product.images)


def test_every_product_type_has_a_drawing_of_its_own() -> None:
    drawings = {product.product_type: drawing_of(product.product_type) for product in PRODUCTS}
    assert [kind for kind, found in drawings.items() if found is None] == []
    assert len(set(drawings.values())) >= 90


def test_every_picture_is_plain_svg_without_scripts_or_references() -> None:
    for product in PRODUCTS:
        for index in range(len(product.images)):
            text = draw(product, index)
            names = {
                element.tag.removeprefix("{http://www.w3.org/2000/svg}")
                for element in ElementTree.fromstring(text).iter()
            }
            assert names <= ALLOWED
            assert "href" not in text


def test_a_picture_is_the_same_every_time_and_has_the_size_asked_for() -> None:
    first = draw(PRODUCTS[0], 0, size=640)
    assert first == draw(PRODUCTS[0], 0, size=640)
    assert 'width="640" height="640"' in first


def test_no_two_products_share_a_first_picture() -> None:
    assert len({draw(product, 0) for product in PRODUCTS}) == len(PRODUCTS)


def test_a_picture_the_product_has_not_is_an_error() -> None:
    with pytest.raises(IndexError):
        draw(PRODUCTS[0], 99)
