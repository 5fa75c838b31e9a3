"""`haat migrate`: bring the database to the newest step of every service."""

from __future__ import annotations


def migrate_command() -> None:
    """Create schemas, roles and tables, or bring them up to date; safe to repeat and to run side by side.

    Needs HAAT_DATABASE_URL with a user that may create roles and schemas. `haat run` does this by itself.
    """
    from haat.cli.database import reach
    from haat.cli.environment import read_settings
    from haat.engines.database.migrations import every_unit, migrate
    from haat.kit.startup import StartupFault

    settings = read_settings()
    if settings.database_url is None:
        raise StartupFault("No database is named.", "Set HAAT_DATABASE_URL=postgresql://user@host/name.")
    reach(settings.database_url)
    changed = migrate(settings.database_url, every_unit(), lambda unit: print(f"migrating {unit}"))
    print(f"{len(changed)} schemas changed" if changed else "every schema is up to date")
