"""The tests of money and stock have been seen to fail: each mutant still fits the source, and some are killed here."""

from __future__ import annotations

import pytest

from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.mutation import ROOT, killed, mutated, passes, scratch

SOME = [
    each for each in MUTANTS if each.name in ("write without the version fence", "never void", "lose the odd paisa")
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_a_mutant_fits_the_source(mutant: Mutant):
    text = (ROOT / "src" / "haat" / mutant.file).read_text()
    assert mutated(mutant, text) != text
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutant.tests)


def test_there_are_enough_of_them():
    assert len({each.name for each in MUTANTS}) == len(MUTANTS) >= 40


@pytest.mark.parametrize("file", ["services/checkout/saga.py", "services/checkout/migrations/0001_begin.py"])
def test_a_mutant_that_cannot_be_imported_is_not_killed(file: str):
    words = (ROOT / "src" / "haat" / file).read_text().splitlines()[0]
    broken = Mutant("does not come up", file, words, "def", ("tests/services/checkout/test_saga.py",))
    with scratch() as tree, pytest.raises(RuntimeError, match="does not come up"):
        killed(broken, tree)


@pytest.mark.slow
def test_a_mutant_whose_queries_are_none_is_not_killed():
    file = "services/checkout/queries.sql"
    broken = Mutant("does not come up", file, "AND status = 'open' AND expires_at > now()", "AND AND", ("tests/kit",))
    with scratch() as tree, pytest.raises(RuntimeError, match="does not come up"):
        killed(broken, tree)


@pytest.mark.slow
def test_some_mutants_are_killed_and_the_sound_source_is_not():
    with scratch() as tree:
        assert [each.name for each in SOME if not killed(each, tree)] == []
        assert passes(tuple({test for each in SOME for test in each.tests}), tree)
