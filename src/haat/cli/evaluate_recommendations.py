"""`haat evaluate recommendations`: hit rate and NDCG of a model on anyone's interaction file."""

import sys
from pathlib import Path
from typing import Any, NoReturn


def evaluate_recommendations(
    interactions: Path,
    model: str = "default",
    fit: str = "train",
    json: bool = False,
) -> None:
    """Rank every item for every user, leaving the last one out.

    Parameters
    ----------
    interactions
        One user a line, `user item item …` in time order; plain or .gz.
    model
        default, popularity, itemknn, bm25, als, ease, sequence or next.
    fit
        `train` learns from all but the last two items of a user, `train+validation` from all but the last.
    json
        Print one JSON object instead of a table.
    """
    import msgspec

    from haat.engines.training.evaluation import FITS, MODELS, InteractionsInvalid, evaluate, read_histories

    faults = []
    if model not in MODELS:
        faults.append(f"unknown model {model!r}: one of {', '.join(MODELS)}")
    chosen = next((known for known in FITS if known == fit), None)
    if chosen is None:
        faults.append(f"unknown fit {fit!r}: one of {', '.join(FITS)}")
    try:
        histories = read_histories(interactions)
    except InteractionsInvalid as invalid:
        _refuse(faults + [f"{interactions}: {problem}" for problem in invalid.problems])
    except OSError as missing:
        _refuse([*faults, f"{interactions}: {missing.strerror or missing}"])
    if faults or chosen is None:
        _refuse(faults)
    try:
        report = evaluate(histories, model, chosen)
    except ValueError as too_large:
        _refuse([str(too_large)])
    figures: dict[str, Any] = msgspec.to_builtins(report)
    if json:
        print(msgspec.json.encode(figures).decode())
    else:
        _print_table(figures)


def _refuse(problems: list[str]) -> NoReturn:
    for problem in problems:
        print(problem, file=sys.stderr)
    raise SystemExit(2)


def _print_table(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    Console().print(table)
