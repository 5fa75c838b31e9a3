"""Every fault of a body is found at once, where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from haat.kit.validation import MAX_FAULTS, faults

Quantity = Annotated[int, Meta(ge=1, le=10)]
Text = Annotated[str, Meta(min_length=2, max_length=5)]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: Text
    quantity: Quantity = 1


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="card"):
    token: Text


class Upi(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="upi"):
    flow: Literal["intent", "qr"]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    lines: Annotated[list[Line], Meta(min_length=1, max_length=3)]
    kind: Literal["gift", "plain"] = "plain"
    address: Line | None = None
    note: Text | UnsetType | None = UNSET
    by_sku: dict[str, Quantity] = {}
    payment: Card | Upi | None = None
    at: datetime | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "IN"
    weight: float = 0.0
    codes: Annotated[Sequence[Text], Meta(max_length=3)] = []
    marks: Mapping[Text, Quantity | bool] = {}


class Open(msgspec.Struct, frozen=True):
    name: str


GOOD: dict[str, Any] = {"name": "Asha", "lines": [{"sku": "AB", "quantity": 2}]}


def found(value: Any, kind: Any = Order) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in faults(kind, value)]


def test_a_good_body_has_no_faults():
    assert found(GOOD) == []


def test_faults_of_several_fields_are_told_together():
    assert found({"name": 7, "lines": [], "kind": "x", "extra": 1}) == [
        ("/name", "wrong_type"),
        ("/lines", "out_of_range"),
        ("/kind", "not_allowed"),
        ("/extra", "unknown_field"),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": None}, [("/name", "wrong_type")]),
        ({"name": "A"}, [("/name", "out_of_range")]),
        ({"name": "Ashaaa"}, [("/name", "out_of_range")]),
        ({"lines": {}}, [("/lines", "wrong_type")]),
        ({"lines": [{"sku": "AB"}] * 4}, [("/lines", "out_of_range")]),
        ({"lines": ["AB"]}, [("/lines/0", "wrong_type")]),
        ({"lines": [{"sku": "AB", "quantity": 0}]}, [("/lines/0/quantity", "out_of_range")]),
        ({"lines": [{"sku": "AB", "quantity": -1}]}, [("/lines/0/quantity", "out_of_range")]),
        ({"lines": [{"sku": "AB", "quantity": 1.5}]}, [("/lines/0/quantity", "wrong_type")]),
        ({"lines": [{"sku": "AB", "quantity": 1_000_000}]}, [("/lines/0/quantity", "out_of_range")]),
        ({"lines": [{"sku": "AB", "quantity": "1"}]}, [("/lines/0/quantity", "wrong_type")]),
        ({"lines": [{"sku": "AB", "quantity": True}]}, [("/lines/0/quantity", "wrong_type")]),
        ({"lines": [{"sku": "AB", "price": 1}]}, [("/lines/0/price", "unknown_field")]),
        ({"address": None}, []),
        ({"address": {}}, [("/address/sku", "required")]),
        ({"address": []}, [("/address", "wrong_type")]),
        ({"note": None}, []),
        ({"note": "A"}, [("/note", "out_of_range")]),
        ({"by_sku": {"A": 0, "B/C~D": "x"}}, [("/by_sku/A", "out_of_range"), ("/by_sku/B~1C~0D", "wrong_type")]),
        ({"payment": {"method": "card", "token": "tok"}}, []),
        (
            {"payment": {"method": "card", "pan": "4242"}},
            [("/payment/token", "required"), ("/payment/pan", "unknown_field")],
        ),
        ({"payment": {"method": "upi", "flow": "x"}}, [("/payment/flow", "not_allowed")]),
        ({"payment": {"method": "gold"}}, [("/payment/method", "invalid")]),
        ({"at": "yesterday"}, [("/at", "invalid")]),
        ({"at": "2026-11-24T09:30:00Z"}, []),
        ({"country": "in"}, [("/country", "invalid")]),
        ({"codes": ["A", "AB", 7]}, [("/codes/0", "out_of_range"), ("/codes/2", "wrong_type")]),
        ({"codes": ["AB"] * 4}, [("/codes", "out_of_range")]),
        ({"marks": {"AB": 0, "A": True}}, [("/marks/AB", "out_of_range"), ("/marks/A", "out_of_range")]),
        ({"weight": "1"}, [("/weight", "wrong_type")]),
        ({"a/b~c": 1}, [("/a~1b~0c", "unknown_field")]),
    ],
)
def test_a_fault_is_told_where_it_is(changed: dict[str, Any], expected: list[tuple[str, str]]):
    assert found({**GOOD, **changed}) == expected


def test_faults_of_several_lines_are_told_together():
    lines = [{"sku": "A", "quantity": 0}, {"sku": "AB"}, {"quantity": 11}]
    assert found({"name": "Asha", "lines": lines}) == [
        ("/lines/0/sku", "out_of_range"),
        ("/lines/0/quantity", "out_of_range"),
        ("/lines/2/sku", "required"),
        ("/lines/2/quantity", "out_of_range"),
    ]


@pytest.mark.parametrize("value", [None, 1, "x", [], True, 1.5])
def test_a_body_that_is_no_object_is_one_fault(value: Any):
    assert found(value) == [("", "wrong_type")]


def test_unknown_fields_pass_where_they_are_allowed():
    assert found({"name": "A", "other": 1}, Open) == []


def test_a_fault_says_in_words_what_is_expected():
    assert faults(Order, {**GOOD, "name": "A"}) == [
        {"pointer": "/name", "code": "out_of_range", "detail": "expected `str` of length >= 2"}
    ]


def test_no_more_than_a_hundred_faults_are_told():
    assert len(found([{}] * 1000, list[Line])) == MAX_FAULTS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*Order.__struct_fields__, "extra"])


@given(value=st.dictionaries(names, json_values) | json_values)
def test_a_body_has_faults_exactly_when_it_is_refused(value: Any):
    try:
        msgspec.convert(value, Order)
        accepted = True
    except msgspec.ValidationError:
        accepted = False
    assert (found(value) == []) == accepted
