"""A whole shop of real processes for a journey: all services in one, or the delicate ones on their own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from haat.cli.supervisor import port_in_use
from haat.engines.database import embedded
from haat.engines.database.embedded_processes import processes_of
from haat.engines.database.migrations import every_unit, migrate
from haat.settings import SERVICES
from tests.journeys.documented import Description

HAAT = [sys.executable, "-m", "haat"]
STAFF_PASSWORD = "journey-staff-password"
WEBHOOK_SECRET = "whsec_" + "am91cm5leQ==" * 2
# What bounds a wait is far more than it takes: a machine may be slow, and stand still for a while.
READY_SECONDS = 300
REST_SECONDS = 180
APART = ("inventory", "payments", "vault")


class Shop:
    """Where to reach a running shop, and its processes by name: to be killed and started again."""

    def __init__(self, urls: dict[str, str], server: embedded.EmbeddedServer, folder: Path, durable: bool) -> None:
        self.url, self.vault_url, self.urls = urls["gateway"], urls["vault"], urls
        self.database_url = server.dsn()
        self.folder, self.data = folder, folder / "data"
        self.environment: dict[str, str] = {}
        self.description = Description({"paths": {}})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[Sequence[str], dict[str, str]]] = {}
        self._server, self._durable = server, durable
        self.data.mkdir(parents=True, exist_ok=True)

    def run(self, name: str, argv: Sequence[str], environment: dict[str, str]) -> None:
        """Start a process under a name, and remember how."""
        self._commands[name] = (argv, environment)
        self.start(name)

    def start(self, name: str) -> None:
        """Start a process of this shop again; `{process}` in its environment stands for its name."""
        argv, told = self._commands[name]
        environment = {key: value.replace("{process}", name) for key, value in told.items()}
        with (self.data / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                argv, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """End a process with all its workers as a crash would."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def kill_database(self) -> None:
        """End the postmaster and every child of it as a crash would."""
        for pid in [self._server.pid, *processes_of(self._server.folder / "cluster")]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.stop()

    def start_database(self) -> None:
        """Start the database again; it recovers from its log."""
        self._server = embedded.start(self._server.folder, durable=self._durable)

    def stop(self) -> None:
        """End everything, the last started first."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._server.stop()


@contextmanager
def running(
    folder: Path, apart: Sequence[str] = (), workers: int = 1, durable: bool = False, **settings: str
) -> Iterator[Shop]:
    """A shop on its own database; services in `apart` are processes of their own, under their own roles.

    `workers` is how many the gateway has; `durable` keeps what was committed when the database is killed;
    `settings` are more variables of the environment.
    """
    server = embedded.start(folder / "postgres", durable=durable)
    ports = dict(zip(("gateway", "provider", "carrier", "vault", *apart), lasting_ports(), strict=False))
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    shop = Shop(urls, server, folder, durable)
    try:
        migrate(server.dsn(), every_unit())
        _run_all(shop, ports, apart, workers, {**_environment(server, shop, bool(apart)), **settings})
        yield shop
    finally:
        shop.stop()


def _run_all(
    shop: Shop, ports: dict[str, int], apart: Sequence[str], workers: int, environment: dict[str, str]
) -> None:
    split = {*apart, "vault"}
    neighbours = {f"HAAT_{name.upper()}_URL": shop.urls[name] for name in split}
    everything = {**environment, **neighbours}
    # Who is on their own finds the others at the gateway.
    inside = {f"HAAT_{name.upper()}_URL": shop.url for name in SERVICES if name not in split}
    shop.environment = everything
    for kind, hook in (("provider", "payments"), ("carrier", "carriers")):
        shop.run(kind, _sandbox(shop, kind, ports[kind], hook), {})
    for name in split:
        others = {key: value for key, value in {**inside, **everything}.items() if key != f"HAAT_{name.upper()}_URL"}
        shop.run(name, [*HAAT, "serve", name, "--port", str(ports[name]), "--workers", "1"], others)
        shop.run(f"{name}-work", [*HAAT, "work", name], others)
    gateway = [*HAAT, "serve", "gateway", "--port", str(ports["gateway"]), "--workers", str(workers)]
    shop.run("worker", [*HAAT, "work"], everything)
    shop.run("gateway", gateway, everything)
    for name in ("provider", "carrier", *split, "gateway"):
        until_ready(shop.urls[name] + "/healthz")
    # The seed speaks to every service: with a pool for each role it would not fit beside the others.
    seeding = {**os.environ, **everything, "HAAT_SERVICE_ROLES": "false"}
    subprocess.run([*HAAT, "seed", "--no-demo", "--no-background"], env=seeding, check=True)
    with urllib.request.urlopen(shop.url + "/openapi.json", timeout=READY_SECONDS) as answer:
        shop.description = Description(json.load(answer))


def _environment(server: embedded.EmbeddedServer, shop: Shop, roles: bool) -> dict[str, str]:
    return {
        # With roles of their own the services connect as `haat_<service>`; the name in the URL is replaced.
        "HAAT_DATABASE_URL": server.dsn(user="haat_app"),
        "HAAT_SERVICE_ROLES": "true" if roles else "false",
        "HAAT_DATA": str(shop.data),
        "HAAT_PUBLIC_URL": shop.url,
        "HAAT_VAULT_PUBLIC_URL": shop.vault_url,
        "HAAT_PROVIDER_URL": shop.urls["provider"],
        "HAAT_CARRIER_URL": shop.urls["carrier"],
        "HAAT_SERVICE_SECRET": "journeys-share-this-" + "s" * 32,
        "HAAT_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "HAAT_STAFF_PASSWORD": STAFF_PASSWORD,
        # A pool for each role of each process must fit into the server's hundred connections.
        "HAAT_POOL_SIZE": "2" if roles else "4",
        "HAAT_ENVIRONMENT": "test",
    }


def lasting_ports() -> Iterator[int]:
    """Ports that are still to be had when their processes have died and come back, each once.

    None of those that the system gives to outgoing connections: whoever asks the dead process could be given it.
    Nor any of another worker's of the tests, whose processes are dead for a while as well.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    first, number = (
        (10_000, 20_000) if worker is None else (10_000 + int(worker.removeprefix("gw")) % 10 * 2_000, 2_000)
    )
    # None is the last of its worker: some want the next one as well.
    chosen = random.sample(range(first, first + number - 1), 1_000)
    return (port for port in chosen if not port_in_use("127.0.0.1", port))


def _sandbox(shop: Shop, kind: str, port: int, hook: str) -> list[str]:
    argv = [sys.executable, "-m", f"haat.sandbox.{kind}", "--data", str(shop.folder / kind), "--port", str(port)]
    argv += ["--public-url", shop.url, "--webhook-url", f"{shop.url}/v1/webhooks/{hook}/sandbox"]
    argv += ["--webhook-secret", WEBHOOK_SECRET]
    return [*argv, "--step-seconds", "0.3"] if kind == "carrier" else argv


def until_ready(url: str) -> None:
    """Wait until this answers 200."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def audited(shop: Shop, patience: int = REST_SECONDS) -> list[str]:
    """What `haat audit` finds broken once everything in motion has come to rest, or after `patience` seconds."""
    environment = {**os.environ, **shop.environment, "HAAT_SERVICE_ROLES": "false"}
    command = [*HAAT, "audit", "--json", "--patience", str(patience)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    findings = json.loads(done.stdout)
    assert all(each["checked"] for each in findings)
    return [f"{each['invariant']}: {each['examples']}" for each in findings if each["violations"]]


async def eventually(question, *, seconds: float = REST_SECONDS):  # type: ignore[no-untyped-def]
    """Ask again until the answer is true; the last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await question()
        if answer or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(0.1)
