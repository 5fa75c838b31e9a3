"""`haat serve`: one HTTP server process group, for the gateway or for named services."""

from __future__ import annotations

import os
from collections.abc import Sequence

from haat.processes import SERVES_VARIABLE


def serve(names: Sequence[str], host: str, port: int, workers: int, server: str = "granian") -> None:
    """Serve until SIGTERM. `server` is granian, or uvicorn as the fallback (one worker)."""
    os.environ[SERVES_VARIABLE] = ",".join(names)
    if server == "uvicorn":
        import uvicorn

        uvicorn.run("haat.processes:asgi", factory=True, host=host, port=port, log_level="warning", access_log=False)
        return
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        target="haat.processes:asgi",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=workers,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        backpressure=512,
    ).serve()
