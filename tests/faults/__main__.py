"""`make faults`: the full experiments, for hours; one JSON line each; it goes on where it was stopped.

python -m tests.faults                         # everything that this commit has not done yet
python -m tests.faults --only T-CRASH --hours 2
python -m tests.faults --part 1/4              # a quarter; four such processes do it all, each in its own shop
python -m tests.faults --list
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from tests.faults.lab import Lab, lab
from tests.faults.plan import Experiment, plan

FILE = Path("artefacts/faults.jsonl")
# A shop that has seen this many deaths is replaced, so that no experiment leans on a very old one.
LAB_EXPERIMENTS = 40


def commit() -> str:
    """What is being tried; `+` when the tree has changes that are not committed."""
    asked = [["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
    head, changed = (subprocess.run(each, capture_output=True, text=True, check=True).stdout.strip() for each in asked)
    return head + ("+" if changed else "")


def done(file: Path, of: str) -> set[str]:
    """The experiments that this commit has passed; those that failed are tried again."""
    if not file.exists():
        return set()
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return {line["id"] for line in lines if line["commit"] == of and line["verdict"] == "passed"}


async def run(todo: list[Experiment], of: str, file: Path, deadline: float) -> int:
    """Do them one after the other; how many failed."""
    failed, used = 0, LAB_EXPERIMENTS
    async with AsyncExitStack() as house:
        shop: Lab | None = None
        for each in todo:
            if time.monotonic() > deadline:
                break
            if each.workers and (shop is None or used >= LAB_EXPERIMENTS or shop.workers != each.workers):
                await house.aclose()
                folder = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="haat-faults-")))
                shop, used = await house.enter_async_context(lab(folder, workers=each.workers)), 0
            line = await _tried(each, shop)
            used += 1
            if line["verdict"] != "passed":
                failed += 1
                # What is broken must not break what follows.
                used = LAB_EXPERIMENTS
                if shop is not None:
                    _keep_logs(shop, each)
            with file.open("a") as out:
                out.write(json.dumps({"id": each.id, "seed": each.seed, "commit": of, **line}) + "\n")
            print(
                f"{line['verdict']:7} {each.id} {line['seconds']} s", *line["numbers"].get("wrong", [])[:3], flush=True
            )
    return failed


async def _tried(each: Experiment, shop: Lab | None) -> dict[str, Any]:
    began = time.monotonic()
    try:
        numbers = await each.run(shop)
        verdict = "failed" if numbers.get("wrong") else "passed"
    except Exception as error:
        numbers, verdict = {"wrong": [f"{type(each).__name__}: {each}"[:2000] for each in _single(error)]}, "broken"
    return {"verdict": verdict, "seconds": round(time.monotonic() - began, 1), "numbers": numbers}


def _keep_logs(shop: Lab, failed: Experiment) -> None:
    """What the shop said, where the story of a failed experiment is looked for."""
    kept = Path("artefacts") / failed.id.replace("/", "-")
    kept.mkdir(parents=True, exist_ok=True)
    for log in shop.shop.data.glob("*.log"):
        shutil.copy(log, kept)


def _single(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [one for each in error.exceptions for one in _single(each)]
    return [error]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the beginning of the ids, such as T-CRASH-01")
    parser.add_argument("--hours", type=float, default=1000.0)
    parser.add_argument("--part", default="1/1", help="which of how many processes that share the work, such as 2/4")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out", type=Path, default=FILE)
    told = parser.parse_args()
    of = commit()
    told.out.parent.mkdir(exist_ok=True)
    ready = done(told.out, of)
    part, parts = map(int, told.part.split("/"))
    mine = islice(plan(), part - 1, None, parts)
    todo = [each for each in mine if each.id.startswith(told.only) and each.id not in ready]
    if told.list:
        print(*(each.id for each in todo), sep="\n")
        return 0
    print(f"{len(todo)} experiments at {of}, {len(ready)} done before; {told.out}")
    failed = asyncio.run(run(todo, of, told.out, time.monotonic() + told.hours * 3600))
    print(f"{failed} failed" if failed else "every promise held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
