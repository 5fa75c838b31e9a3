"""Every test of the suite runs on every adapter."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from haat.ports.text_search import TextIndexWriter, TextSearch

# The suite's modules are imported by file, not as packages.
sys.path.insert(0, str(Path(__file__).parent))

from text_search_shop import Tantivy, batches, documents


@pytest.fixture(scope="session", params=[Tantivy], ids=["tantivy"])
def adapter(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="session")
async def indexed(adapter: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an index lies that nobody changes."""
    folder = tmp_path_factory.mktemp("indexed")
    writer = adapter.writer(folder)
    await writer.rebuild(batches(documents()))
    await writer.close()
    return folder


@pytest.fixture
async def writer(adapter: Any, tmp_path: Path) -> AsyncIterator[TextIndexWriter]:
    """Of an index of this test's own."""
    opened = adapter.writer(tmp_path)
    await opened.rebuild(batches(documents()))
    yield opened
    await opened.close()


@pytest.fixture
def search(request: pytest.FixtureRequest, adapter: Any) -> TextSearch:
    """What the test's writer writes, or, when it has none, the index that nobody changes."""
    own = "writer" in request.fixturenames
    return adapter.search(request.getfixturevalue("tmp_path" if own else "indexed"))
