"""What a pattern lets through: `$` alone would also hold before a line's end."""

from typing import Any

import msgspec
import pytest

from haat.contracts.catalog import NewProduct, Slug
from haat.contracts.identity import Country, Email, Phone
from haat.contracts.payments import GiftCode, UpiMethod
from haat.contracts.promotions import NewCoupon
from haat.services.catalog.http import ChangeProductBody
from haat.services.checkout.http import CompleteBody

VARIANT = {"sku": "CUP-1", "price": {"amount": 100}}
PRODUCT = {"title": "Cup", "category": "cups", "variants": [VARIANT]}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Slug, "clay-cup"),
        (Email, "asha@example.com"),
        (Country, "IN"),
        (Phone, "+919812345678"),
        (GiftCode, "HAAT-7K2M-9QX4"),
    ],
)
def test_a_line_does_not_end_in_a_value(kind: Any, told: str):
    assert msgspec.convert(told, kind) == told
    with pytest.raises(msgspec.ValidationError, match="regex"):
        msgspec.convert(told + "\n", kind)


@pytest.mark.parametrize(
    ("kind", "told", "name"),
    [
        (NewProduct, {**PRODUCT, "hsn": "8471"}, "hsn"),
        (NewProduct, {**PRODUCT, "status": "draft"}, "status"),
        (ChangeProductBody, {"hsn": "8471"}, "hsn"),
        (ChangeProductBody, {"status": "draft"}, "status"),
        (NewCoupon, {"code": "HAAT10", "title": "Ten off"}, "code"),
        (UpiMethod, {"method": "upi", "vpa": "ok@sandbox"}, "vpa"),
        (CompleteBody, {"payment": {"method": "cod"}, "return_url": "https://shop.example/"}, "return_url"),
    ],
)
def test_nor_in_a_field(kind: Any, told: dict[str, Any], name: str):
    assert getattr(msgspec.convert(told, kind), name) == told[name]
    with pytest.raises(msgspec.ValidationError, match="regex"):
        msgspec.convert({**told, name: told[name] + "\n"}, kind)
