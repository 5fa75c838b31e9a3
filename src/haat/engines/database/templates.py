"""Whole databases copied from a prepared one: how every test worker gets a database of its own in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

__all__ = ["copy_database", "drop_database", "template_database"]


@contextmanager
def template_database(admin_dsn: str, name: str, from_template: str) -> Iterator[str]:
    """A fresh copy of `from_template` called `name`, given as its URL, dropped at the end with its sessions.

    An older database of that name goes first. Nobody may be connected to the template meanwhile.
    """
    drop_database(admin_dsn, name)
    yield copy_database(admin_dsn, name, from_template)
    drop_database(admin_dsn, name)


def copy_database(admin_dsn: str, name: str, from_template: str) -> str:
    """Create `name` as a copy of `from_template`; its URL."""
    # WAL_LOG writes the pages through the log and spares the two checkpoints that FILE_COPY forces.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY WAL_LOG")
    _run(admin_dsn, statement.format(sql.Identifier(name), sql.Identifier(from_template)))
    parts = urlsplit(admin_dsn)
    # Put together by hand around the empty host: urlunsplit would drop the slashes of a socket URL.
    return urlunsplit(parts._replace(path=f"/{quote(name, safe='')}"))


def drop_database(admin_dsn: str, name: str) -> None:
    """Drop `name` if it is there, ending whoever is still connected to it."""
    _run(admin_dsn, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(admin_dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(admin_dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement)
