"""Opens a sandbox's own SQLite file and runs its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOTES = "CREATE TABLE IF NOT EXISTS note(name TEXT PRIMARY KEY, value TEXT NOT NULL);"


def open_database(folder: Path, name: str, *schemas: str) -> sqlite3.Connection:
    """Open `folder/name`, creating it; raises sqlite3.OperationalError when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / name, isolation_level=None, cached_statements=256, timeout=1.0)
    # Exclusive: a second process on the same folder would serve the same truth twice; it is refused instead.
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.executescript("BEGIN IMMEDIATE;" + NOTES + "".join(schemas) + "COMMIT;")
    return connection


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, roll back on any error; must never span an await."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def read_note(database: sqlite3.Connection, name: str) -> str | None:
    row = database.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def write_note(database: sqlite3.Connection, name: str, value: str) -> None:
    database.execute("INSERT OR REPLACE INTO note(name, value) VALUES (?, ?)", (name, value))
