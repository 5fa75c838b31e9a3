"""The house: the services of one process, their databases, and the callers of those elsewhere."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from haat.compose.builders import BUILDERS
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.engines.database.roles import ALONE, COMMON_ROLE
from haat.engines.transport.http import HttpTransport
from haat.kit.rpc import Contract, contract_name, local, remote
from haat.kit.service_identity import ServiceIdentity
from haat.kit.startup import StartupFault
from haat.settings import SERVICES, Settings

C = TypeVar("C", bound=Contract)


class House:
    """The services of one process. Those not built here are reached over HTTP, and callers cannot tell."""

    def __init__(self, settings: Settings, serves: frozenset[str] | None = None) -> None:
        self.settings = settings
        self.serves = serves or frozenset(SERVICES) - settings.neighbours.keys()
        self.identity = ServiceIdentity("-".join(sorted(serves or {"api"}))[:60], settings.service_secret)
        self.resources: list[Any] = []
        self._services: dict[str, Any] = {}
        self._callers: dict[type[Contract], Any] = {}
        self._databases: dict[str, PostgresDatabase] = {}
        self.cache = self.keep(MemoryCache(dsn=self.dsn("cache")))

    def dsn(self, name: str) -> str:
        """The database URL of a service: its own role, or the role shared by the services of one process."""
        url = self.settings.database_url
        if name in ALONE and self.settings.vault_database_url is not None:
            return self.settings.vault_database_url
        if url is None:
            raise RuntimeError("no database: `haat run` starts the embedded one, other commands need HAAT_DATABASE_URL")
        own = self.settings.service_roles or (name in ALONE and _role_of(url) == COMMON_ROLE)
        return _as_role(url, f"haat_{name}") if own and name in SERVICES else url

    def database(self, name: str) -> PostgresDatabase:
        """The pool a service uses: one for the whole process unless services have roles of their own."""
        key = name if self.settings.service_roles or name in ALONE else "shared"
        if key not in self._databases:
            pool = PostgresDatabase(self.dsn(name), self.settings.pool_size, self.settings.replica_url)
            self._databases[key] = self.keep(pool)
        return self._databases[key]

    def pools(self) -> list[PostgresDatabase]:
        """Every pool of this process."""
        return list(self._databases.values())

    def service(self, name: str) -> Any:
        """The service itself, built at first use."""
        if name not in self._services:
            built = BUILDERS[name](self)
            self._services[name] = built
            if hasattr(built, "start"):
                self.keep(built)
        return self._services[name]

    def ask(self, contract: type[C]) -> C:
        """The caller of a contract: in process or over HTTP."""
        if contract not in self._callers:
            name = contract_name(contract)
            self._callers[contract] = (
                local(contract, self.service(name))
                if name in self.serves
                else remote(contract, self.keep(self._transport(name)))
            )
        caller: C = self._callers[contract]
        return caller

    def _transport(self, name: str) -> HttpTransport:
        url = self.settings.neighbours.get(name)
        if url is None:
            raise StartupFault(
                f"{name.capitalize()} is asked from here, and nothing says where it runs.",
                f"Set HAAT_{name.upper()}_URL, for example http://10.0.0.7:9001.",
            )
        return HttpTransport(name, url, self.identity.sign)

    def keep(self, resource: Any) -> Any:
        """Start and stop this with the house."""
        self.resources.append(resource)
        return resource

    @asynccontextmanager
    async def open(self, _: Any = None) -> AsyncIterator[None]:
        """Start what needs starting (pools, listeners, indexes), and stop it in reverse."""
        started = []
        try:
            for resource in list(self.resources):
                if hasattr(resource, "start"):
                    await resource.start()
                started.append(resource)
            _keep_what_stands()
            yield
        finally:
            for resource in reversed(started):
                stop = getattr(resource, "stop", None) or getattr(resource, "close", None)
                if stop is not None:
                    await stop()


def _keep_what_stands() -> None:
    """What is alive after the start stays: the collector need not walk through it again at each full round."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _as_role(url: str, role: str) -> str:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    _, _, host = authority.rpartition("@")
    password = authority.rpartition("@")[0].partition(":")[2]
    return f"{scheme}://{role}{':' + password if password else ''}@{host}/{path}"


def _role_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[0]
