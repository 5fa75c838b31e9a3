"""`haat evaluate search`: its measures, its files, its refusals."""

import gzip
import json
import math
from pathlib import Path

import pytest

from haat.cli.evaluate_search import evaluate_search, ndcg, percentile, recall_of_top

PRODUCTS = (
    {"id": "a", "title": "Red laptop", "bullet_points": ["fast", "light"], "brand": "Vayu", "price": "999.50"},
    {"_id": "b", "title": "Blue phone", "description": "A phone", "category": ["Electronics", "Phones"]},
    {"asin": "c", "title": "Green shoe", "category": "Fashion > Shoes", "price": None},
)


def test_ndcg_of_a_swapped_pair():
    assert ndcg(["b", "a"], {"a": 1.0, "b": 0.1}) == (0.1 + 1 / math.log2(3)) / (1 + 0.1 / math.log2(3))


def test_ndcg_of_the_best_order_is_one():
    assert ndcg(["a", "b"], {"a": 1.0, "b": 0.1}) == 1.0


def test_ndcg_where_nothing_gains_is_nought():
    assert ndcg(["a"], {"a": 0.0}) == 0.0


def test_recall_counts_only_the_top_gain_within_the_depth():
    assert recall_of_top(["x", "a", "b"], {"a": 1.0, "b": 1.0, "x": 0.1}, top=1.0, depth=2) == 0.5


def test_recall_without_a_top_gain_is_not_counted():
    assert recall_of_top(["a"], {"a": 0.1}, top=1.0) is None


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.95, 4.0), (0.25, 1.0)])
def test_percentiles_are_values_that_occurred(share, expected):
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def products_file(folder: Path) -> Path:
    path = folder / "products.ndjson.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, PRODUCTS)).encode()))
    return path


@pytest.mark.parametrize(
    "judgments",
    [
        "query,product_id,gain\nred laptop,a,1.0\nred laptop,b,0\nphone,b,1.0\n",
        "query,asin,esci,gain_official,gain_3210\nred laptop,a,E,1.0,3\nphone,b,E,1.0,3\n",
        "query, product_id, gain\nred laptop, a, E\nphone, b, e\n",
    ],
)
def test_a_perfect_ranking_scores_one_whatever_the_columns_are_called(tmp_path, capsys, judgments):
    judged = tmp_path / "judgments.csv"
    judged.write_text(judgments)
    evaluate_search(products_file(tmp_path), judged, json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["queries"], report["products"]) == (2, 3)
    assert (report["ndcg_at_10"], report["recall_at_100"]) == (1.0, 1.0)
    assert report["latency_p50_ms"] <= report["latency_p95_ms"]


def test_the_table_names_every_figure(tmp_path, capsys):
    judged = tmp_path / "judgments.csv"
    judged.write_text("query,product_id,gain\nred laptop,a,1\n")
    evaluate_search(products_file(tmp_path), judged)
    names = [line[:28].strip() for line in capsys.readouterr().out.splitlines()]
    assert names == [
        "queries",
        "products",
        "nDCG@10",
        "Recall@100 of the top gain",
        "latency p50",
        "latency p95",
        "indexing",
    ]


def test_every_bad_row_of_both_files_is_reported(tmp_path, capsys):
    products, judged = tmp_path / "p.ndjson", tmp_path / "j.csv"
    products.write_text(
        '{"id":"a","title":"x"}\nnot json\n{"title":"x"}\n\n{"id":"b"}\n[1]\n{"id":"a","title":"y"}\n'
        '{"id":"c","title":"x","price":"dear"}\n'
    )
    judged.write_text("query,product_id,gain\nq,a,1\nq,,1\n,a,1\nq,a,much\nq,a,-1\nq,a,nan\nq,b\n")
    with pytest.raises(SystemExit) as stopped:
        evaluate_search(products, judged)
    lines = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    assert stopped.value.code == 2
    assert lines == [
        *(f"p.ndjson:{number}" for number in (2, 3, 5, 6, 7, 8)),
        *(f"j.csv:{number}" for number in (3, 4, 5, 6, 7, 8)),
    ]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bbroken", b"\xff\xfe\x00", b"query,gain\nq,1\n"])
def test_a_file_that_is_no_judgments_is_refused(tmp_path, capsys, content):
    judged = tmp_path / "j.csv"
    judged.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        evaluate_search(products_file(tmp_path), judged)
    assert stopped.value.code == 2
    assert "j.csv" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["p.ndjson", "p.ndjson.gz", "q.ndjson.gz"])
def test_products_that_cannot_be_read_are_refused(tmp_path, capsys, name):
    (tmp_path / "p.ndjson.gz").write_bytes(b"\x1f\x8bbroken")
    (tmp_path / "q.ndjson.gz").write_bytes(gzip.compress(b"{}")[:10] + b"\xff" * 20)
    judged = tmp_path / "j.csv"
    judged.write_text("query,product_id,gain\nq,a,1\n")
    with pytest.raises(SystemExit) as stopped:
        evaluate_search(tmp_path / name, judged)
    assert stopped.value.code == 2
    assert name in capsys.readouterr().err
