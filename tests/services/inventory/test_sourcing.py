"""From where a cart is served."""

from hypothesis import given, settings
from hypothesis import strategies as st

from haat.services.inventory.sourcing import Shelf, Take, source


def shelf(sku: str, location: str, stream: int, available: int, priority: int = 100) -> Shelf:
    return Shelf(sku=sku, location=location, stream=stream, available=available, priority=priority)


def test_one_location_that_has_everything_spares_a_parcel():
    shelves = [shelf("A", "near", 1, 9, 1), shelf("A", "far", 2, 9, 5), shelf("B", "far", 3, 9, 5)]
    assert source(shelves, {"A": 1, "B": 1}, "fewest_parcels") == [Take(2, 1), Take(3, 1)]


def test_by_priority_each_line_comes_from_the_first_that_has_some():
    shelves = [shelf("A", "near", 1, 9, 1), shelf("A", "far", 2, 9, 5), shelf("B", "far", 3, 9, 5)]
    assert source(shelves, {"A": 1, "B": 1}, "priority") == [Take(1, 1), Take(3, 1)]


def test_of_equally_few_parcels_the_first_priority_wins():
    shelves = [shelf("A", "x", 1, 9, 7), shelf("A", "y", 2, 9, 3)]
    assert source(shelves, {"A": 2}, "fewest_parcels") == [Take(2, 2)]


def test_of_equal_priorities_the_oldest_location_wins():
    shelves = [shelf("A", "zoo", 1, 9), shelf("A", "abc", 2, 9)]
    assert source(shelves, {"A": 2}, "fewest_parcels") == [Take(1, 2)]


def test_a_line_is_divided_when_nobody_has_all_of_it():
    shelves = [shelf("A", "x", 1, 2, 1), shelf("A", "y", 2, 3, 2), shelf("A", "z", 3, 3, 3)]
    assert source(shelves, {"A": 5}, "fewest_parcels") == [Take(1, 2), Take(2, 3)]


def test_what_is_not_there_is_not_taken():
    assert source([shelf("A", "x", 1, 2), shelf("A", "y", 2, 2)], {"A": 5}, "fewest_parcels") is None


RULES = st.sampled_from(["fewest_parcels", "priority"])
SHELVES = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from("uvwxyz"), st.integers(0, 5), st.integers(0, 3)),
    unique_by=lambda each: each[:2],
    max_size=12,
)


@settings(deadline=None)
@given(rows=SHELVES, first=st.integers(1, 8), second=st.integers(0, 8), rule=RULES)
def test_all_that_is_wanted_is_taken_from_what_is_free_in_the_order_of_locks(rows, first, second, rule):
    ranks = {location: rank for _, location, _, rank in rows}
    shelves = [shelf(sku, where, i, free, ranks[where]) for i, (sku, where, free, _) in enumerate(rows)]
    wanted = {sku: quantity for sku, quantity in (("A", first), ("B", second)) if quantity}
    free = {sku: sum(each.available for each in shelves if each.sku == sku) for sku in wanted}
    takes = source(shelves, wanted, rule)
    by_stream = {each.stream: each for each in shelves}
    assert (takes is None) == any(free[sku] < quantity for sku, quantity in wanted.items())
    for take in takes or []:
        assert 0 < take.quantity <= by_stream[take.stream].available
    order = [(by_stream[take.stream].sku, take.stream) for take in takes or []]
    assert order == sorted(set(order))
    given_out = {sku: sum(t.quantity for t in takes or [] if by_stream[t.stream].sku == sku) for sku in wanted}
    assert takes is None or given_out == wanted
