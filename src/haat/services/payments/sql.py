"""The statements of payments, by name."""

from pathlib import Path

from haat.kit.sql import load_queries

queries = load_queries(Path(__file__).with_name("queries.sql"))
