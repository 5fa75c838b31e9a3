"""`haat work`: the background worker."""

from __future__ import annotations


def work_command(*names: str) -> None:
    """Relay events, react to them, and do the periodic work of the named services (all by default) until stopped.

    Example: `haat work inventory orders`
    """
    import uvloop

    from haat.background import work
    from haat.cli.database import known, standing_alone
    from haat.cli.environment import read_settings
    from haat.settings import SERVICES

    known(names, SERVICES)
    settings = read_settings()
    inside = names or [name for name in SERVICES if name not in settings.neighbours]
    uvloop.run(work(standing_alone(settings, inside), names))
