"""The clock, and a process that lives in the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from haat.kit.clock import live_behind, now
from haat.kit.ids import first_id, new_id


@pytest.fixture
def three_days_ago() -> Iterator[None]:
    live_behind(timedelta(days=3))
    yield
    live_behind(timedelta())


def test_it_is_what_it_is():
    before, it, after = datetime.now(UTC), now(), datetime.now(UTC)
    assert before <= it <= after


@pytest.mark.usefixtures("three_days_ago")
def test_who_lives_behind_is_told_an_earlier_time():
    before, it, after = datetime.now(UTC), now(), datetime.now(UTC)
    assert before <= it + timedelta(days=3) <= after


@pytest.mark.usefixtures("three_days_ago")
def test_ids_that_are_made_behind_sort_before_those_of_today():
    today = datetime.now(UTC)
    made = new_id("ord")
    assert first_id("ord", today - timedelta(days=3, seconds=1)) < made < first_id("ord", today - timedelta(days=2))
