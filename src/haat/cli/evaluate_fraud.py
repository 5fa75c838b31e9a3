"""`haat evaluate fraud`: a fraud model trained and tested in the order of time on anyone's transactions."""

import sys
from datetime import date
from pathlib import Path
from typing import Any, NoReturn


def evaluate_fraud(
    transactions: Path,
    train_from: str,
    train_days: int = 7,
    delay_days: int = 7,
    test_days: int = 7,
    model: str = "lightgbm",
    json: bool = False,
) -> None:
    """Train on some days, wait for the labels, test on the days after.

    Parameters
    ----------
    transactions
        CSV (plain or .gz) or parquet with the columns `id, at, customer, terminal, amount, fraud`.
    train_from
        First training day (UTC), as 2018-07-25.
    train_days
        Days to learn from.
    delay_days
        Days until a fraud is known: skipped between training and test, and in the risk of a terminal.
    test_days
        Days to test on.
    model
        lightgbm or logistic.
    json
        Print one JSON object instead of a table.
    """
    import msgspec

    from haat.engines.fraud_model.evaluation import Window, evaluate
    from haat.engines.fraud_model.lightgbm_engine import LightGbmFraudEngine
    from haat.engines.fraud_model.transactions import TransactionsInvalid, read_transactions
    from haat.ports.fraud_model import ModelKind

    faults = [
        f"{name} must be at least {least}, not {value}"
        for name, value, least in (
            ("--train-days", train_days, 1),
            ("--delay-days", delay_days, 0),
            ("--test-days", test_days, 1),
        )
        if value < least
    ]
    kinds: tuple[ModelKind, ...] = ("lightgbm", "logistic")
    kind = next((known for known in kinds if known == model), None)
    if kind is None:
        faults.append(f"unknown model {model!r}: one of {', '.join(kinds)}")
    try:
        first_day = date.fromisoformat(train_from)
    except ValueError:
        _refuse([*faults, f"--train-from must be a day such as 2018-07-25, not {train_from!r}"])
    if faults or kind is None:
        _refuse(faults)
    window = Window(first_day, train_days, delay_days, test_days)
    try:
        report = evaluate(LightGbmFraudEngine(), read_transactions(transactions), window, kind)
    except TransactionsInvalid as invalid:
        _refuse([f"{transactions}: {problem}" for problem in invalid.problems])
    except OSError as missing:
        _refuse([f"{transactions}: {missing.strerror or missing}"])
    except ValueError as unfit:
        _refuse([f"{transactions}: {unfit}"])
    figures: dict[str, Any] = msgspec.to_builtins(report)
    if json:
        print(msgspec.json.encode(figures).decode())
    else:
        _print_tables(figures)


def _refuse(problems: list[str]) -> NoReturn:
    for problem in problems:
        print(problem, file=sys.stderr)
    raise SystemExit(2)


def _print_tables(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    days = Table("test day", "defrauded cards", "card precision@100")
    for day in figures.pop("days"):
        days.add_row(day["day"], str(day["defrauded_cards"]), f"{day['card_precision']:.3f}")
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    console.print(days)
