"""`haat evaluate search`: how well the shop's own search ranks judged products."""

import asyncio
import csv
import gzip
import json as json_text
import math
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from haat.ports.text_search import CategoryRef, ProductDocument, SearchQuery

DEPTH: Final = 100
# A shopper who finds a page of exact matches is shown no others; a measure of recall must look further.
REACH: Final = 10 * DEPTH
# The ESCI labels with the gains of the KDD Cup: exact, substitute, complement, irrelevant.
LABEL_GAINS: Final = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
_ID_NAMES: Final = ("id", "_id", "asin")
_JUDGED_ID_NAMES: Final = ("product_id", *_ID_NAMES)
_GAIN_NAMES: Final = ("gain", "gain_official", "esci", "label")
_BATCH: Final = 2000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Judgments = dict[str, dict[str, float]]


class BadRows(Exception):
    """`lines` says for each bad row where it is and what is wrong."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(f"{len(lines)} bad rows")
        self.lines = lines


class Report(NamedTuple):
    """Times in milliseconds of one uncached search for the best hundred, in this process."""

    queries: int
    products: int
    ndcg_at_10: float
    recall_at_100: float
    latency_p50_ms: float
    latency_p95_ms: float
    index_seconds: float


def ndcg(ranked: Sequence[str], gains: dict[str, float], depth: int = 10) -> float:
    """Discounted gain of the first `depth` over the best possible; a product without judgment gains nothing."""
    best = sorted(gains.values(), reverse=True)[:depth]
    ideal = sum(gain / math.log2(place + 2) for place, gain in enumerate(best))
    found = sum(gains.get(each, 0.0) / math.log2(place + 2) for place, each in enumerate(ranked[:depth]))
    return found / ideal if ideal else 0.0


def recall_of_top(ranked: Sequence[str], gains: dict[str, float], top: float, depth: int = DEPTH) -> float | None:
    """The share of the products with the top gain that are among the first `depth`; None when there are none."""
    wanted = {each for each, gain in gains.items() if gain == top}
    return len(wanted.intersection(ranked[:depth])) / len(wanted) if wanted else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        yield from enumerate(file, 1)


def _first(row: dict[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]).strip() for name in names if row.get(name)), "")


def _text(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _price_minor(value: Any) -> int:
    if value in (None, ""):
        return 0
    try:
        amount = Decimal(str(value).replace(",", "").lstrip("$₹ ")) * 100
        return int(amount)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise ValueError(f"price {value!r} is not a number") from error


def product_of(row: Any) -> ProductDocument:
    """Bullet points stand in the place of our attributes; ValueError says what is wrong with the row."""
    if not isinstance(row, dict):
        raise ValueError("is not a JSON object")
    product_id, title = _first(row, _ID_NAMES), str(row.get("title") or "").strip()
    if not product_id or not title:
        raise ValueError("has no id" if not product_id else "has no title")
    path = row.get("category") or []
    names = [part.strip() for part in path.split(">")] if isinstance(path, str) else [str(part) for part in path]
    details = [_text(row.get(name)) for name in ("bullet_points", "description")]
    return ProductDocument(
        id=product_id,
        version=1,
        slug=product_id,
        title=title,
        description="\n".join(details),
        brand=str(row.get("brand") or ""),
        categories=tuple(CategoryRef(name, name, name) for name in names if name),
        attributes_text=str(row.get("color") or ""),
        price_minor=_price_minor(row.get("price")),
        published_at=_EPOCH,
        card=b"{}",
    )


def read_products(path: Path) -> list[ProductDocument]:
    """JSON lines, plain or .gz; BadRows names every bad line."""
    products: dict[str, ProductDocument] = {}
    bad: list[str] = []
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            product = product_of(msgspec.json.decode(line))
            if product.id in products:
                raise ValueError(f"repeats the id {product.id}")
            products[product.id] = product
        except (ValueError, msgspec.DecodeError) as error:
            bad.append(f"{path}:{number}: {error}")
    if not products and not bad:
        bad.append(f"{path}:1: holds no product")
    if bad:
        raise BadRows(bad)
    return list(products.values())


def _gain_of(text: str) -> float:
    if text.upper() in LABEL_GAINS:
        return LABEL_GAINS[text.upper()]
    gain = float(text)
    if not math.isfinite(gain) or gain < 0:
        raise ValueError(f"gain {text!r} is not a number from 0 up")
    return gain


def read_judgments(path: Path) -> Judgments:
    """CSV with the columns query, product_id, gain (a number, or E, S, C, I); BadRows names every bad line."""
    judgments: Judgments = defaultdict(dict)
    bad: list[str] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        header = [name.strip() for name in rows.fieldnames or []]
        rows.fieldnames = header
        id_name = next((name for name in _JUDGED_ID_NAMES if name in header), None)
        gain_name = next((name for name in _GAIN_NAMES if name in header), None)
        if "query" not in header or id_name is None or gain_name is None:
            raise BadRows([f"{path}:1: the header must name query, product_id and gain, not {', '.join(header)}"])
        for row in rows:
            query, product_id = (row["query"] or "").strip(), (row[id_name] or "").strip()
            try:
                if not query or not product_id:
                    raise ValueError("has no query" if not query else "has no product id")
                judgments[query][product_id] = _gain_of((row[gain_name] or "").strip())
            except ValueError as error:
                bad.append(f"{path}:{rows.line_num}: {error}")
    if not judgments and not bad:
        bad.append(f"{path}:1: holds no judgment")
    if bad:
        raise BadRows(bad)
    return dict(judgments)


async def _batches(products: Sequence[ProductDocument]) -> AsyncIterator[Sequence[ProductDocument]]:
    for start in range(0, len(products), _BATCH):
        yield products[start : start + _BATCH]


async def measure(products: Sequence[ProductDocument], judgments: Judgments) -> Report:
    """Indexes and searches in a temporary folder by the code the shop runs."""
    from haat.engines.text_search.tantivy_engine import TantivySearch
    from haat.engines.text_search.writer import TantivyWriter

    top = max(gain for gains in judgments.values() for gain in gains.values())
    scores: list[float] = []
    recalls: list[float] = []
    times: list[float] = []
    with tempfile.TemporaryDirectory(prefix="haat-evaluate-") as folder:
        started = time.perf_counter()
        writer = TantivyWriter(Path(folder))
        await writer.rebuild(_batches(products))
        index_seconds = time.perf_counter() - started
        search = TantivySearch(Path(folder))
        for query, gains in judgments.items():
            before = time.perf_counter()
            answer = await search.search(SearchQuery(query, limit=DEPTH, relax_below=REACH, facets=False))
            times.append((time.perf_counter() - before) * 1000)
            ranked = [hit.id for hit in answer.hits]
            scores.append(ndcg(ranked, gains))
            recall = recall_of_top(ranked, gains, top)
            if recall is not None:
                recalls.append(recall)
        await writer.close()
    return Report(
        queries=len(judgments),
        products=len(products),
        ndcg_at_10=sum(scores) / len(scores),
        recall_at_100=sum(recalls) / len(recalls),
        latency_p50_ms=percentile(times, 0.5),
        latency_p95_ms=percentile(times, 0.95),
        index_seconds=index_seconds,
    )


def _print_report(report: Report) -> None:
    rows = (
        ("queries", f"{report.queries}"),
        ("products", f"{report.products}"),
        ("nDCG@10", f"{report.ndcg_at_10:.4f}"),
        ("Recall@100 of the top gain", f"{report.recall_at_100:.4f}"),
        ("latency p50", f"{report.latency_p50_ms:.3f} ms"),
        ("latency p95", f"{report.latency_p95_ms:.3f} ms"),
        ("indexing", f"{report.index_seconds:.2f} s"),
    )
    for name, value in rows:
        print(f"{name:<28}{value:>12}")


def evaluate_search(products: Path, judgments: Path, json: bool = False) -> None:
    """Print nDCG@10, Recall@100 and latency of the shop's search on judged queries.

    Parameters
    ----------
    products
        JSON lines, plain or .gz: id, title, description, bullet_points, brand, category, price.
    judgments
        CSV: query, product_id, gain (a number, or E, S, C, I).
    json
        Print one JSON object instead of a table.
    """
    bad: list[str] = []
    read: list[Any] = []
    for reader, path in ((read_products, products), (read_judgments, judgments)):
        try:
            read.append(reader(path))
        except BadRows as error:
            bad += error.lines
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
            bad.append(f"{path}: cannot be read: {error}")
    if bad:
        print("\n".join(bad), file=sys.stderr)
        raise SystemExit(2)
    report = asyncio.run(measure(*read))
    if json:
        print(json_text.dumps(report._asdict()))
    else:
        _print_report(report)
