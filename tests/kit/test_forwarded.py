"""What is counted as one caller."""

from __future__ import annotations

import pytest

from haat.kit.forwarded import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::1/128"),
        ("::2", "::/64"),
        ("", "None"),
        ("testclient", "None"),
    ],
)
def test_a_line_of_ipv6_counts_as_one(address: str, network: str):
    assert str(network_of(address)) == network
