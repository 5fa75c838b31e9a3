"""The command: figures on standard output, every fault at once on standard error with exit code 2."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from haat.cli.evaluate_fraud import evaluate_fraud


@pytest.fixture
def file(tmp_path):
    """Thirty days of forty customers; each buys once a day, and whoever pays 900.00 is a thief."""
    path = tmp_path / "transactions.csv"
    rows = ["id,at,customer,terminal,amount,fraud"]
    for number in range(1200):
        thief = number % 97 == 0
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=36 * number)
        amount = 900 if thief else 10 + number % 7
        rows.append(f"{number},{at.isoformat()},c{number % 400},t{number % 11},{amount},{int(thief)}")
    path.write_text("\n".join(rows))
    return path


@pytest.mark.slow
def test_json_is_one_object_with_the_figures(file, capsys):
    evaluate_fraud(file, "2026-01-04", 10, 3, 10, model="logistic", json=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["roc_auc"] == figures["average_precision"] == 1.0
    assert (figures["train_transactions"], figures["train_frauds"]) == (400, 4)
    assert [day["day"] for day in figures["days"]][::9] == ["2026-01-17", "2026-01-26"]


@pytest.mark.slow
def test_a_table_names_every_figure(file, capsys):
    evaluate_fraud(file, "2026-01-04", 10, 3, 10, model="logistic")
    told = capsys.readouterr().out
    names = ("roc_auc", "average_precision", "card_precision_at_100", "decision_p99_us", "2026-01-17")
    assert [name in told for name in names] == [True] * 5


def test_all_faulty_options_are_told_at_once(file, capsys):
    with pytest.raises(SystemExit) as left:
        evaluate_fraud(file, "someday", 0, -1, 0, model="magic")
    assert left.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 5


# The same moment in every process: a test that is called otherwise in each is found by none of them.
BROKEN = gzip.compress(b"id,at", mtime=0)[:10] + b"\xff" * 20


@pytest.mark.parametrize("content", [b"", b"id,at\n1,x\n", BROKEN], ids=["empty", "too little", "broken"])
def test_a_bad_file_is_refused(file, capsys, content):
    file.write_bytes(content)
    with pytest.raises(SystemExit) as left:
        evaluate_fraud(file, "2026-01-04")
    assert left.value.code == 2
    assert str(file) in capsys.readouterr().err


@pytest.mark.slow
def test_days_without_transactions_are_refused(file, capsys):
    with pytest.raises(SystemExit) as left:
        evaluate_fraud(file, "2031-01-04")
    assert left.value.code == 2
    assert "training days hold 0 transactions" in capsys.readouterr().err
