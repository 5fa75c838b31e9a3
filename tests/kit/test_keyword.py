"""Names as they are compared."""

import pytest

from haat.kit.keyword import keyword_of


@pytest.mark.parametrize(("text", "expected"), [("Café ", "cafe"), ("STRASSE", "strasse"), ("Straße", "strasse")])
def test_keywords_compare_without_case_and_accents(text, expected):
    assert keyword_of(text) == expected
