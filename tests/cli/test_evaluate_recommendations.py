"""The command: figures on standard output, every fault at once on standard error with exit code 2."""

import gzip
import json

import pytest

from haat.cli.evaluate_recommendations import evaluate_recommendations


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "interactions.txt"
    path.write_text("ann a b c\nbob b c a\n")
    return path


def test_json_is_one_object_with_the_figures(file, capsys):
    evaluate_recommendations(file, model="popularity", json=True)
    figures = json.loads(capsys.readouterr().out)
    seconds = figures.pop("training_seconds")
    # Ann's c and bob's a are the only items left to rank.
    assert figures == {
        "model": "popularity",
        "fit": "train",
        "users": 2,
        "items": 3,
        "interactions": 6,
        "tested": 2,
        "HR@5": 1.0,
        "HR@10": 1.0,
        "NDCG@5": 1.0,
        "NDCG@10": 1.0,
    }
    assert seconds >= 0


def test_a_table_names_every_figure(file, capsys):
    evaluate_recommendations(file, model="popularity")
    told = capsys.readouterr().out
    assert [name in told for name in ("HR@5", "HR@10", "NDCG@5", "NDCG@10", "training_seconds")] == [True] * 5


def test_all_faults_are_told_at_once(file, capsys):
    file.write_text("ann\nbob a b\nbob c d\n")
    with pytest.raises(SystemExit) as left:
        evaluate_recommendations(file, model="magic", fit="everything")
    told = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert [line.split(":")[-1].strip() for line in told[2:]] == [
        "user ann has no items",
        "user bob is already on line 2",
    ]
    assert told[0].startswith("unknown model 'magic'")
    assert told[1].startswith("unknown fit 'everything'")


def test_a_missing_file_is_said_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        evaluate_recommendations(tmp_path / "none")
    assert left.value.code == 2
    assert "No such file" in capsys.readouterr().err


def test_a_broken_archive_is_refused(file, capsys):
    file.write_bytes(gzip.compress(b"ann a b")[:10] + b"\xff" * 20)
    with pytest.raises(SystemExit) as left:
        evaluate_recommendations(file)
    assert (left.value.code, "not a readable gzip file" in capsys.readouterr().err) == (2, True)
