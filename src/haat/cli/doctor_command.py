"""`haat doctor`: says what is wrong with an installation, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path


def doctor_command(*, json: bool = False) -> None:
    """Look at Python, packages, the data folder, the port, PostgreSQL, and a running shop. Exit status 1 on a fault.

    Parameters
    ----------
    json
        Print one JSON list instead of a table.
    """
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from haat.cli.doctor import doctor
    from haat.cli.environment import read_settings
    from haat.engines.payment_provider.choosing import payment_faults

    settings = read_settings()
    root = Path(__file__).parents[3]
    findings = doctor(
        data=settings.data,
        host=settings.host,
        port=settings.port,
        database_url=settings.database_url,
        api_processes=settings.workers,
        pool_size=settings.pool_size,
        service_roles=settings.service_roles,
        lock=root / "uv.lock",
        front_end=[root / "node_modules" / "htmx.org" / "dist" / "htmx.min.js"],
        unpaid=payment_faults(settings),
        mail_stays=settings.environment == "production" and not settings.smtp_url,
    )
    if json:
        print(msgspec.json.encode(findings).decode())
    else:
        table = Table("", "check", "found", "what to do")
        for finding in findings:
            table.add_row("ok" if finding.ok else "✗", finding.check, finding.detail, finding.what_to_do)
        Console().print(table)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
