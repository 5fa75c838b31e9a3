"""`haat reconcile` reads the provider's report and says what differs."""

from __future__ import annotations

import json
from datetime import date

import msgspec
import pytest

from haat.cli import reconcile
from haat.cli.instance import Instance
from haat.compose import House


async def test_a_quiet_day_has_no_breaks(house: House):
    (done,), found = await reconcile._run(house.settings, date(2020, 1, 1))
    assert (done.provider, done.lines, done.breaks, found) == ("sandbox", 0, 0, [])
    assert json.loads(msgspec.json.encode(done))["day"] == "2020-01-01"


@pytest.mark.parametrize(
    ("shop", "provider"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:28000"),
        ("http://192.168.1.5:8000", "http://127.0.0.1:28000"),
        ("http://[::1]:8001", "http://127.0.0.1:28001"),
        # A start that has not yet said where it is.
        ("", None),
    ],
)
def test_a_running_shops_sandbox_is_found_wherever_the_shop_listens(shop: str, provider: str | None):
    assert reconcile._provider_of(Instance(1, shop)) == provider


def test_what_differs_is_printed(capsys: pytest.CaptureFixture[str]):
    from haat.contracts.payments import Break, DayReconciled
    from haat.kit.clock import now

    day = date(2020, 1, 1)
    one = Break(
        id="brk_1", provider="sandbox", kind="missing", subject="psp_1", matter="captures", ours_minor=1000,
        theirs_minor=0, currency="INR", state="open", note="", found_at=now(), day=day,
    )  # fmt: skip
    reconcile._print([DayReconciled(provider="sandbox", day=day, lines=7, breaks=1)], [one])
    printed = capsys.readouterr().out
    assert "psp_1" in printed
    assert "7 lines, 1 breaks open" in printed
