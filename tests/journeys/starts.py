"""`haat run` as people start it: a process of its own, whose lines are read until the awaited one comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from haat.cli.instance import marked_processes, sweep
from haat.engines.database.embedded_processes import end_all, processes_of

HAAT = [sys.executable, "-m", "haat"]
# Filling a shop takes a minute of two idle cores.
START_SECONDS = 600
# What an earlier start in this process has set must not leak into the next one.
OWN = ("HAAT_", "PROMETHEUS_")


def environment(data: Path, port: int, **settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    # So wide that no line of a table breaks.
    return {**inherited, "COLUMNS": "400", "HAAT_DATA": str(data), "HAAT_PORT": str(port), **settings}


def haat(data: Path, port: int, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    own = environment(data, port, **settings)
    return subprocess.run(
        [*HAAT, *command], env=own, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


class Start:
    """One `haat run` and what it says."""

    def __init__(self, data: Path, port: int, **settings: str) -> None:
        self.data, self.url = data, f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*HAAT, "run"],
            env=environment(data, port, **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # Bounds every wait for a line: the end of the process ends the reading.
        self._limit = threading.Timer(START_SECONDS, self.process.kill)
        self._limit.start()

    def until(self, text: str) -> Start:
        """Read on until a line contains this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return self
        raise AssertionError(f"never said {text!r}: {self.lines}")

    def ready(self) -> Start:
        self.until(f"ready {self.url}")
        self._limit.cancel()
        return self

    def told(self, name: str) -> str:
        """What the welcome says under this name."""
        return next(line.split(name, 1)[1].strip() for line in self.lines if line.startswith(f"  {name} "))

    def password(self) -> str:
        """The staff's."""
        return self.told("staff").split(" / ")[1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status, which must come within ten seconds, or what these are on a slow machine."""
        self.process.send_signal(number)
        return self.process.wait(40)

    def left(self) -> list[int]:
        """Every process of this data folder that is still there."""
        return [*marked_processes(self.data), *processes_of(self.data / "postgres" / "cluster")]

    def kill_all(self) -> None:
        """-9 for everything at once, the database included."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 60
        # Again until nothing is there: a server may have started a worker anew between the look and the blow.
        while (left := self.left()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def clear(self) -> None:
        """Whatever a test left."""
        self._limit.cancel()
        self.process.kill()
        self.process.wait()
        sweep(self.data, seconds=1.0)
        end_all(self.data / "postgres" / "cluster", seconds=1.0)


def ask(method: str, url: str, body: Any = None, token: str = "") -> Any:
    """The decoded answer of a shop; an error status raises."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    sent = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, sent, headers, method=method), timeout=120) as answer:
        return json.load(answer)


def staff_token(url: str, password: str) -> str:
    """A token for calls as the staff."""
    login = {"email": "staff@haat.example", "password": password}
    return str(ask("POST", f"{url}/v1/sessions", login)["access_token"])


def every(url: str, path: str, token: str) -> list[dict[str, Any]]:
    """A list from its first page to its last."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = ask("GET", f"{url}{path}limit=100{cursor}", token=token)
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def orders(url: str, password: str) -> list[str]:
    """The numbers of every order, as the staff sees them."""
    return [order["number"] for order in every(url, "/v1/orders?scope=all&", staff_token(url, password))]


def skus(url: str) -> dict[str, list[str]]:
    """The SKUs of every product, by its slug."""
    products = every(url, "/v1/products?", "")
    return {product["slug"]: sorted(variant["sku"] for variant in product["variants"]) for product in products}
