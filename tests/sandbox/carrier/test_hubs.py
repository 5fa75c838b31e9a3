"""Hubs by postal code."""

import pytest
from msgspec.structs import replace

from haat.sandbox.carrier.hubs import hub_of
from haat.sandbox.carrier.messages import Address

HOME = Address(name="Asha", line1="1", city="Whitefield", region="KA", postal_code="560066", country="IN")


@pytest.mark.parametrize(
    ("change", "hub"),
    [
        ({}, "Bengaluru"),
        ({"postal_code": "110 001"}, "New Delhi"),
        ({"postal_code": "421302"}, "Mumbai"),
        ({"postal_code": "999999"}, "Whitefield"),
        ({"country": "DE", "city": "Bonn", "postal_code": "53111"}, "Bonn"),
    ],
)
def test_the_postal_code_names_the_hub(change, hub):
    assert hub_of(replace(HOME, **change)) == hub
