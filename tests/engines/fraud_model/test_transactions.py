"""Transaction files: CSV, packed CSV and parquet read the same; every fault of every row is told at once."""

import gzip
from datetime import UTC, datetime

import pyarrow
import pytest
from pyarrow import parquet

from haat.engines.fraud_model.transactions import Labelled, TransactionsInvalid, read_transactions
from haat.ports.fraud_model import CardUse

CSV = b"""id,at,customer,terminal,amount,fraud
2,2026-01-05 10:00:00,7,9,57.16,1
1,2026-01-05T09:00:00Z,7,8,0.5,0
"""
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()
ROWS = [
    Labelled(CardUse("1", NINE, "7", "8", 50), False),
    Labelled(CardUse("2", NINE + 3600, "7", "9", 5716), True),
]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "transactions"


def test_csv_is_read_in_order_of_time(file):
    file.write_bytes(CSV)
    assert read_transactions(file) == ROWS


def test_packed_csv_reads_like_plain(file):
    file.write_bytes(gzip.compress(CSV))
    assert read_transactions(file) == ROWS


def test_parquet_reads_like_csv(file):
    columns = {
        "id": [2, 1],
        "at": [datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)],
        "customer": [7, 7],
        "terminal": [9, 8],
        "amount": [57.16, 0.5],
        "fraud": [1, 0],
    }
    parquet.write_table(pyarrow.table(columns), file)
    assert read_transactions(file) == ROWS


def test_every_fault_is_told_with_its_line(file):
    file.write_bytes(
        b"id,at,customer,terminal,amount,fraud\n"
        b"1,yesterday,c,t,much,2\n2,2026-01-05,c,,1,0\n3,2026-01-05,c,t,-1,0\n3,2026-01-05,c,t,1,0\n3,2026-01-05,c,t,1,0\n"
        b"4,2026-01-05,c,t,nan,0\n"
    )
    with pytest.raises(TransactionsInvalid) as refused:
        read_transactions(file)
    assert refused.value.problems == [
        "line 2: at 'yesterday' is no time; amount 'much' is no number; fraud '2' is neither 0 nor 1",
        "line 3: no terminal",
        "line 4: amount '-1' is negative",
        "line 6: id 3 occurs twice",
        "line 7: amount 'nan' is no number",
    ]


@pytest.mark.parametrize("content", [b"", b"id,at\n", b"PAR1 not really", b"\x1f\x8b broken", b"id\n\xff\n"])
def test_what_is_no_transaction_file_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(TransactionsInvalid):
        read_transactions(file)
