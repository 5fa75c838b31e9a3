"""Card brands by number."""

import pytest

from haat.sandbox.provider.cards import brand_of


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("6011111111111117", "discover"),
        ("6073849700004947", "rupay"),
        ("378282246310005", "amex"),
        ("9999999999999995", "unknown"),
    ],
)
def test_the_number_tells_the_brand(number, brand):
    assert brand_of(number) == brand
