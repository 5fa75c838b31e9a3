"""`haat run`: a whole shop on the embedded default, from one command, leaving nothing behind but its data."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

from haat.cli.child import die_with, take_turns
from haat.cli.database import reach
from haat.cli.environment import read_settings
from haat.cli.instance import MARK, mark_of
from haat.cli.supervisor import Child, InstanceLock, Supervisor, free_port, interruptible, port_fault, sweep
from haat.engines.database.embedded_faults import folder_fault
from haat.engines.payment_provider.choosing import payment_faults
from haat.kit.secret import secret_in, write_whole
from haat.kit.startup import StartupFault
from haat.settings import Settings, reached_at

Say = Callable[[str], None]
# Far from the shop's own port, so that a second shop on the next port finds it free.
# Below 32,768 for the usual ports: above it a passing connection may hold a port that a dead process comes back to.
VAULT_OFFSET, PROVIDER_OFFSET, CARRIER_OFFSET = 10_000, 20_000, 15_000
SANDBOX_HOST = "127.0.0.1"
LAST_PORT = 65_535


def run(*, seed: bool = True) -> None:
    """Start the shop: database, demo catalogue at the first start, every service, the sandboxes of the outside world.

    Settings: HAAT_HOST, HAAT_PORT (8000), HAAT_DATA (.haat), HAAT_WORKERS, HAAT_STAFF_PASSWORD, HAAT_DATABASE_URL.
    Prints `ready URL` when everything answers; Ctrl-C stops everything.

    Parameters
    ----------
    seed
        Fill an empty shop with the demo catalogue.
    """
    started = time.monotonic()
    settings = read_settings()
    data = settings.data.absolute()
    url = settings.own_url
    take_turns()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.1f} s  {text}", flush=True)

    with interruptible(), ExitStack() as stack:
        try:
            stack.enter_context(InstanceLock(data, url))
            # Before the port is looked at: what a killed run left behind may still listen there, or fill in the demo.
            left = sweep(data)
            if left:
                say(f"ended {left} process{'es' if left > 1 else ''} of an earlier run that was killed")
            faults = _port_faults(settings) + payment_faults(settings)
            if faults:
                raise StartupFault.joined(faults)
            try:
                environment = _prepare(settings, data, stack, say)
                password, demo = _fill(settings, data, environment, seed, say)
            except OSError as error:
                raise folder_fault(data, error) from error
            say("starting the shop")
            asyncio.run(
                Supervisor(data, say=say).run(
                    _children(settings, data, environment),
                    lambda: _welcome(settings, environment, password, demo, started),
                )
            )
        except KeyboardInterrupt:
            print("stopped")


def _port_faults(settings: Settings) -> list[StartupFault]:
    if settings.port == 0:
        return [StartupFault("Nobody would find a shop at any free port.", "Name one, for example HAAT_PORT=8000.")]
    # Where nobody says how browsers come to the vault, another port does as well.
    faults = [port_fault(settings.host, settings.port), _vault_fault(settings) if settings.vault_public_url else None]
    return [fault for fault in faults if fault is not None]


def _vault_fault(settings: Settings) -> StartupFault | None:
    vault = settings.port + VAULT_OFFSET
    if vault > LAST_PORT:
        return StartupFault(
            f"There is no port {vault} for the vault that HAAT_VAULT_PUBLIC_URL leads to.",
            f"Choose a HAAT_PORT up to {LAST_PORT - VAULT_OFFSET}: the vault's is {VAULT_OFFSET:,} above it.",
        )
    taken = port_fault(settings.host, vault)
    return taken and StartupFault(taken.what, "Stop that program: HAAT_VAULT_PUBLIC_URL leads there.")


def _prepare(settings: Settings, data: Path, stack: ExitStack, say: Say) -> dict[str, str]:
    """Start the database, bring its schemas up to date; the environment that every child gets."""
    from haat.engines.database.migrations import COMMON_ROLE, every_unit, migrate

    owner = settings.database_url
    if owner is None:
        from haat.engines.database import embedded

        server = stack.enter_context(embedded.start(data / "postgres", say=say))
        say("the database answers")
        owner, users = server.dsn(), server.dsn(user=COMMON_ROLE)
    else:
        reach(owner)
        users = owner
    changed = migrate(owner, every_unit())
    if changed:
        say(f"brought {len(changed)} schemas up to date")
    # The sandboxes are asked by the shop alone, wherever it listens itself.
    vault, provider, carrier = (
        f"http://{reached_at(host)}:{free_port(port if port <= LAST_PORT else 0, host)}"
        for host, port in (
            (settings.host, settings.port + VAULT_OFFSET),
            (SANDBOX_HOST, settings.port + PROVIDER_OFFSET),
            (SANDBOX_HOST, settings.port + CARRIER_OFFSET),
        )
    )
    metrics = data / "metrics"
    metrics.mkdir(exist_ok=True)
    for old in metrics.glob("*.db"):
        old.unlink()
    return {
        "HAAT_DATA": str(data),
        "HAAT_DATABASE_URL": users,
        "HAAT_PUBLIC_URL": settings.shop_url,
        "HAAT_VAULT_URL": vault,
        "HAAT_VAULT_PUBLIC_URL": settings.vault_public_url or vault,
        **({"HAAT_PROVIDER_URL": settings.provider_url or provider} if "sandbox" in settings.payment_providers else {}),
        "HAAT_CARRIER_URL": settings.carrier_url or carrier,
        "HAAT_SERVICE_SECRET": settings.service_secret or secret_in(data, "service"),
        "HAAT_WEBHOOK_SECRET": settings.webhook_secret or _webhook_secret(data),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "OPENBLAS_NUM_THREADS": "1",
    }


def _children(settings: Settings, data: Path, environment: Mapping[str, str]) -> list[Child]:
    haat = [sys.executable, "-m", "haat"]
    vault = environment["HAAT_VAULT_URL"]
    without_vault = {**environment, "HAAT_VAULT_URL": ""}
    found = []
    for name, setting, configured in (
        ("provider", "HAAT_PROVIDER_URL", settings.provider_url),
        ("carrier", "HAAT_CARRIER_URL", settings.carrier_url),
    ):
        if configured is None and setting in environment:
            found.append(_sandbox(name, environment[setting], data, environment))
    vault_port = vault.rpartition(":")[2]
    serve_vault = [*haat, "serve", "vault", "--port", vault_port, "--host", settings.host, "--workers", "1"]
    serve_gateway = [*haat, "serve", "gateway", "--port", str(settings.port), "--host", settings.host]
    return [
        *found,
        Child("vault", serve_vault, without_vault, f"{vault}/healthz"),
        Child("worker", [*haat, "work"], environment, None),
        Child(
            "gateway", [*serve_gateway, "--workers", str(settings.workers)], environment, f"{settings.own_url}/readyz"
        ),
    ]


def _sandbox(name: str, url: str, data: Path, environment: Mapping[str, str]) -> Child:
    shop = environment["HAAT_PUBLIC_URL"]
    kind = {"provider": "payments/sandbox", "carrier": "carriers/sandbox"}[name]
    argv = [sys.executable, "-m", f"haat.sandbox.{name}", "--data", str(data / name), "--port", url.rpartition(":")[2]]
    argv += ["--public-url", shop, "--webhook-url", f"{shop}/v1/webhooks/{kind}"]
    argv += ["--webhook-secret", environment["HAAT_WEBHOOK_SECRET"]]
    return Child(name, argv, {}, f"{url}/healthz")


def _fill(settings: Settings, data: Path, environment: Mapping[str, str], seed: bool, say: Say) -> tuple[str, bool]:
    """Make the staff account, and the demo catalogue at the first start; a half-finished one is finished.

    The staff's password, and whether the demo is in the shop.
    """
    password_file, mark = data / "secrets" / "staff-password", data / "seeded.json"
    password = os.environ.get("HAAT_STAFF_PASSWORD") or (
        password_file.read_text() if password_file.exists() else secrets.token_urlsafe(9)
    )
    done = _filled(mark)
    staff, demo = sha256(password.encode()).hexdigest(), bool(done.get("demo"))
    # Shops that were filled before the address was written down have the usual one.
    email = done.get("email", Settings.model_fields["staff_email"].default)
    if (done.get("staff"), email) == (staff, settings.staff_email) and (demo or not seed):
        return password, demo
    # Kept before it is used: a start that is killed from here on leaves an account whose password is known.
    write_whole(password_file, password)
    say("filling in the demo shop" if seed and not demo else "making the staff account")
    # The last weeks' orders need an outside world that is ours and not running yet.
    ours = settings.payment_providers == ["sandbox"] and not (settings.provider_url or settings.carrier_url)
    asked = ["--no-demo"] if demo or not seed else ["--past"] if ours else []
    argv = [sys.executable, "-m", "haat", "seed", *asked]
    parent = os.getpid()
    ended = subprocess.run(  # noqa: S603 - our own program
        argv,
        env={**os.environ, **environment, MARK: mark_of(data), "HAAT_STAFF_PASSWORD": password},
        preexec_fn=lambda: die_with(parent),
        check=False,
    )
    if ended.returncode != 0:
        raise StartupFault(
            "The demo catalogue could not be filled in.",
            "Look at the lines above; the next start goes on where this one stopped.",
        )
    write_whole(mark, json.dumps({"demo": demo or seed, "staff": staff, "email": settings.staff_email}))
    return password, demo or seed


def _filled(mark: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(mark.read_text())) if mark.exists() else {}
    except (ValueError, TypeError) as error:
        raise StartupFault(
            f"{mark} is not as haat wrote it ({error}).",
            "Bring it back from a copy, or remove it: the demo is filled in again then, but for `haat run --no-seed`.",
        ) from error


def _webhook_secret(data: Path) -> str:
    return "whsec_" + base64.b64encode(sha256(secret_in(data, "webhook").encode()).digest()).decode()


def _welcome(settings: Settings, environment: Mapping[str, str], password: str, demo: bool, started: float) -> None:
    shopper = "asha@example.com / namaste-haat" if demo else "whoever registers"
    sandbox = "HAAT_PROVIDER_URL" in environment
    shop = environment["HAAT_PUBLIC_URL"]
    buy = f"curl -X POST '{settings.own_url}/sandbox/buy?q=kettle'" if sandbox else f"with real cards, see {shop}/docs"
    print(
        f"""
  shop         {shop}
  back office  {shop}/admin
  API docs     {shop}/docs
  staff        {settings.staff_email} / {password}
  shopper      {shopper}
  buy          {buy}
  logs         {environment["HAAT_DATA"]}/logs      (Ctrl-C stops everything; took {time.monotonic() - started:.1f} s)

ready {settings.own_url}""",
        flush=True,
    )
