"""`haat work`: the background worker."""

from __future__ import annotations


def work_command(*names: str) -> None:
    """Relay events, react to them, and do the periodic work of the named services (all by default) until stopped.

    Example: `haat work inventory orders`
    """
    import uvloop

    from haat.background import work
    from haat.cli.database import reach
    from haat.settings import Settings

    settings = Settings()
    if settings.database_url is not None:
        reach(settings.database_url)
    uvloop.run(work(settings, names))
