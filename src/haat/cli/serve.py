"""`haat serve`: one HTTP server process group, for the gateway or for named services."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from haat.kit.startup import StartupFault
from haat.settings import SERVES_VARIABLE

if TYPE_CHECKING:
    from haat.settings import Settings

# What a worker holds open at once, idle ones included: whoever comes when it is full waits until an idle one is closed,
# half a minute later.
CONNECTIONS = 4_096
FILES_BESIDES = 1_024
SERVERS = ("granian", "uvicorn")


def serve_command(
    *names: str, port: int | None = None, host: str | None = None, workers: int | None = None, server: str = "granian"
) -> None:
    """Serve named services, or `gateway`: the public API, the pages, and every service not reached elsewhere.

    Services that are not served here are reached by `HAAT_<NAME>_URL`; `HAAT_DATABASE_URL` names the database.

    Example: `HAAT_INVENTORY_URL=http://10.0.0.7:9001 haat serve gateway --port 8000`

    Parameters
    ----------
    names
        Services such as `inventory`, or `gateway` (the default).
    port
        Where to listen; HAAT_PORT or 8000 when left out.
    host
        HAAT_HOST or 127.0.0.1 when left out.
    workers
        Worker processes; HAAT_WORKERS or one per core when left out. The vault has one.
    server
        granian, or uvicorn with one worker as the fallback.
    """
    from haat.cli.addresses import port_fault
    from haat.cli.database import known, standing_alone
    from haat.cli.environment import read_settings
    from haat.engines.payment_provider.choosing import payment_faults
    from haat.settings import SERVICES

    known(names, ("gateway", *SERVICES))
    settings = read_settings()
    serving = set(names or ["gateway"])
    unpaid = payment_faults(settings, hears=bool({"gateway", "payments"} & serving))
    host, port = host or settings.host, settings.port if port is None else port
    faults = _option_faults(port, workers, server) + _vault_faults(settings, serving, workers)
    if {"gateway", "payments", "vault"} & serving:
        faults += unpaid
    if faults:
        raise StartupFault.joined(faults)
    taken = port_fault(host, port, shared=True)
    if taken is not None:
        raise taken
    inside = names
    if "gateway" in serving:
        inside = tuple(name for name in SERVICES if name not in settings.neighbours)
    # The server's own processes read the environment.
    os.environ["HAAT_SERVICE_SECRET"] = standing_alone(settings, inside).service_secret
    serve(
        names or ["gateway"],
        host,
        port,
        workers or (1 if "vault" in serving else settings.workers),
        server,
    )


def _option_faults(port: int, workers: int | None, server: str) -> list[StartupFault]:
    """What the servers would answer with a traceback, or take for something else."""
    faults = []
    if not 0 <= port <= 65_535:
        faults.append(StartupFault(f"There is no port {port}.", "Choose one up to 65535, for example --port 8000."))
    if workers is not None and workers < 1:
        faults.append(StartupFault(f"There cannot be {workers} workers.", "Leave --workers out, or name one or more."))
    if server not in SERVERS:
        faults.append(StartupFault(f"There is no server {server}.", f"Choose from {', '.join(SERVERS)}."))
    return faults


def _vault_faults(settings: Settings, serving: set[str], workers: int | None) -> list[StartupFault]:
    """What would make the vault a part of another process, or several of it."""
    if "gateway" in serving and "vault" not in settings.neighbours:
        why = "The vault is never a part of the gateway, and HAAT_VAULT_URL does not say where it is."
        way_out = "Start it with `haat serve vault --port 9000`, and name it: HAAT_VAULT_URL=http://127.0.0.1:9000."
        return [StartupFault(why, way_out)]
    if "vault" in serving and len(serving) > 1:
        return [StartupFault("The vault is never a part of another process.", "Serve it alone: `haat serve vault`.")]
    if "vault" in serving and (workers or 1) > 1:
        why = "The vault has one worker: a card lies in the memory of the one that it was told."
        return [StartupFault(why, "Leave --workers out.")]
    return []


def serve(names: Sequence[str], host: str, port: int, workers: int, server: str = "granian") -> None:
    """Serve until SIGTERM. `server` is granian, or uvicorn as the fallback (one worker)."""
    os.environ[SERVES_VARIABLE] = ",".join(names)
    if server == "uvicorn":
        import uvicorn

        uvicorn.run("haat.processes:asgi", factory=True, host=host, port=port, log_level="warning", access_log=False)
        return
    _allow_files(CONNECTIONS + FILES_BESIDES)
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from haat.cli.addresses import address_of

    Granian(
        target="haat.processes:asgi",
        factory=True,
        # It knows addresses only, no names.
        address=address_of(host, port),
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=workers,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
    ).serve()


def _allow_files(count: int) -> None:
    """Let this process and its workers open so many files, as far as the system's hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
