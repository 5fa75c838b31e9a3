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
    from haat.cli.doctor_outside import Elsewhere
    from haat.cli.environment import read_settings
    from haat.engines.payment_provider.choosing import payment_faults
    from haat.settings import SERVICES

    settings = read_settings()
    replicas = {"HAAT_REPLICA_URL": settings.replica_url, "HAAT_VAULT_DATABASE_URL": settings.vault_database_url}
    sandboxes = {"HAAT_PROVIDER_URL": settings.provider_url, "HAAT_CARRIER_URL": settings.carrier_url}
    services = {f"HAAT_{name}_URL".upper(): url for name, url in settings.neighbours.items() if name in SERVICES}
    servers = {"HAAT_SMTP_URL": settings.smtp_url, "HAAT_OTLP_ENDPOINT": settings.otlp_endpoint}
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
        named=Elsewhere(
            databases={name: url for name, url in replicas.items() if url},
            services={name: url for name, url in (services | sandboxes).items() if url},
            servers={name: url for name, url in servers.items() if url},
        ),
    )
    if json:
        print(msgspec.json.encode(findings).decode())
    else:
        table = Table("", "check", "found", "what to do")
        for finding in findings:
            table.add_row("ok" if finding.ok else "✗", finding.check, finding.detail, finding.what_to_do)
        Console().print(table)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
