"""A whole shop of real processes for a journey: all services in one, or the delicate ones on their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from haat.cli.supervisor import free_port
from haat.engines.database import embedded
from haat.engines.database.migrations import every_unit, migrate

HAAT = [sys.executable, "-m", "haat"]
STAFF_PASSWORD = "journey-staff-password"
WEBHOOK_SECRET = "whsec_" + "am91cm5leQ==" * 2
READY_SECONDS = 60
APART = ("inventory", "payments", "vault")


class Shop:
    """Where to reach a running shop."""

    def __init__(self, url: str, vault_url: str, database_url: str, data: Path) -> None:
        self.url = url
        self.vault_url = vault_url
        self.database_url = database_url
        self.data = data
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def kill(self, name: str) -> None:
        """End a process as a crash would."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()


@contextmanager
def running(folder: Path, apart: Sequence[str] = ()) -> Iterator[Shop]:
    """A shop on its own database; services in `apart` are processes of their own, under their own roles."""
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start(folder / "postgres", durable=False))
        migrate(server.dsn(), every_unit())
        ports = {name: free_port(0) for name in ("gateway", "provider", "carrier", "vault", *apart)}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        shop = Shop(urls["gateway"], urls["vault"], server.dsn(), folder / "data")
        environment = _environment(server.dsn(user="haat_app"), server.dsn(), shop.data, urls, bool(apart))
        split = {*apart, "vault"}
        neighbours = {f"HAAT_{name.upper()}_URL": urls[name] for name in split}
        for kind, hook in (("provider", "payments"), ("carrier", "carriers")):
            stack.enter_context(_sandbox(shop, kind, ports[kind], hook, folder))
        for name in split:
            others = {key: value for key, value in neighbours.items() if key != f"HAAT_{name.upper()}_URL"}
            serve = [*HAAT, "serve", name, "--port", str(ports[name]), "--workers", "1"]
            stack.enter_context(_process(shop, name, serve, {**environment, **others}))
            stack.enter_context(_process(shop, f"{name}-work", [*HAAT, "work", name], {**environment, **others}))
        gateway = [*HAAT, "serve", "gateway", "--port", str(ports["gateway"]), "--workers", "1"]
        everything = {**environment, **neighbours}
        stack.enter_context(_process(shop, "worker", [*HAAT, "work"], everything))
        stack.enter_context(_process(shop, "gateway", gateway, everything))
        for name in ("provider", "carrier", *split, "gateway"):
            _until_ready(urls[name] + "/healthz")
        subprocess.run([*HAAT, "seed", "--no-demo", "--no-background"], env={**os.environ, **everything}, check=True)
        yield shop


def _environment(users: str, owner: str, data: Path, urls: dict[str, str], roles: bool) -> dict[str, str]:
    return {
        # With roles of their own the services connect as `haat_<service>`; the name in the URL is replaced.
        "HAAT_DATABASE_URL": users if not roles else owner.replace("haat@", "haat_app@"),
        "HAAT_SERVICE_ROLES": "true" if roles else "false",
        "HAAT_DATA": str(data),
        "HAAT_PUBLIC_URL": urls["gateway"],
        "HAAT_VAULT_PUBLIC_URL": urls["vault"],
        "HAAT_PROVIDER_URL": urls["provider"],
        "HAAT_CARRIER_URL": urls["carrier"],
        "HAAT_SERVICE_SECRET": "journeys-share-this-" + "s" * 32,
        "HAAT_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "HAAT_STAFF_PASSWORD": STAFF_PASSWORD,
        "HAAT_POOL_SIZE": "4",
        "HAAT_ENVIRONMENT": "test",
    }


@contextmanager
def _sandbox(shop: Shop, kind: str, port: int, hook: str, folder: Path) -> Iterator[None]:
    argv = [sys.executable, "-m", f"haat.sandbox.{kind}", "--data", str(folder / kind), "--port", str(port)]
    argv += ["--public-url", shop.url, "--webhook-url", f"{shop.url}/v1/webhooks/{hook}/sandbox"]
    argv += ["--webhook-secret", WEBHOOK_SECRET]
    if kind == "carrier":
        argv += ["--step-seconds", "0.3"]
    with _process(shop, kind, argv, {}):
        yield


@contextmanager
def _process(shop: Shop, name: str, argv: Sequence[str], environment: dict[str, str]) -> Iterator[None]:
    shop.data.mkdir(parents=True, exist_ok=True)
    with (shop.data / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            argv, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    shop.processes[name] = process
    try:
        yield
    finally:
        # The process that stands under this name now: a journey may have started it anew.
        current = shop.processes[name]
        if current.poll() is None:
            current.terminate()
            try:
                current.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(current.pid, signal.SIGKILL)
                current.wait()


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


async def eventually(question, *, seconds: float = 20.0):  # type: ignore[no-untyped-def]
    """Ask again until the answer is true; the last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await question()
        if answer or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(0.1)
