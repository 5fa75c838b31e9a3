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


@pytest.fixture(params=[Tantivy], ids=["tantivy"])
def adapter(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def writer(adapter: Any, tmp_path: Path) -> AsyncIterator[TextIndexWriter]:
    opened = adapter.writer(tmp_path)
    await opened.rebuild(batches(documents()))
    yield opened
    await opened.close()


@pytest.fixture
def search(adapter: Any, tmp_path: Path, writer: TextIndexWriter) -> TextSearch:
    return adapter.search(tmp_path)
