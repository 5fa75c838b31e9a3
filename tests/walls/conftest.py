"""`--renew` writes the snapshots of the public surface anew instead of comparing them."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write the snapshots of tests/walls anew")
