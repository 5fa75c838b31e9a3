"""Identity on a database of its own, since its tests drop signing keys, and a shopper of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg
import pytest

from haat.contracts.identity import Register, SignIn, Tokens, User
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.migrations import migrate
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.services.identity.service import IdentityService
from haat.services.identity.store import IdentityStore

PASSWORD = "correct horse battery"
SECRET = "only for these tests"
DATABASE = "identity_tests"


@pytest.fixture(scope="session")
async def database(admin_url: str) -> AsyncIterator[PostgresDatabase]:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    url = urlsplit(admin_url)._replace(path=f"/{DATABASE}").geturl()
    migrate(url, ["identity"])
    pool = PostgresDatabase(url, 8)
    await pool.start()
    yield pool
    await pool.stop()


@pytest.fixture(scope="session")
def identity(database: PostgresDatabase) -> IdentityService:
    return IdentityService(IdentityStore(database), MemoryCache(), SECRET)


@pytest.fixture
async def asha(identity: IdentityService) -> User:
    return await identity.register(Register(email=f"{new_id('asha')}@example.com", password=PASSWORD, name="Asha"))


@pytest.fixture
async def tokens(identity: IdentityService, asha: User) -> Tokens:
    return await identity.sign_in(SignIn(email=asha.email, password=PASSWORD, address="127.0.0.1", user_agent="phone"))
