"""What must never reach a log does not, by whichever road and in whichever shape it comes."""

import json
import subprocess
import sys

import pytest

NUMBER = "4539578763621486"
BEGIN = """
import logging, structlog
from haat.kit.telemetry import REDACTED, start_logging
start_logging("INFO")
class Shown:
    def __repr__(self): return "Shown(4539578763621486)"
number = "4539578763621486"
log = structlog.get_logger()
"""
LINES = [
    "log.info('seen', what=number)",
    "log.info('seen', what='4539 5787 6362 1486')",
    "log.info('seen', what=int(number))",
    "log.info('seen', what={'deep': [{'deeper': number}]})",
    "log.info('seen', what=number.encode())",
    "log.info('seen', what=Shown())",
    "log.info(f'seen {number}')",
    "logging.getLogger('other').warning('seen %s', number)",
    "try: raise ValueError(number)\nexcept ValueError: log.exception('seen')",
    "log.info('seen', order='4539578763621487', at=4539578763621487)",
    "log.info('seen', body={'card': [{'cvc': '123', 'brand': 'visa'}]}, token='t')",
]


@pytest.fixture(scope="module")
def written() -> list[str]:
    """Each line as it was written, and last how many card numbers were taken out."""
    program = BEGIN + "\n".join(LINES) + "\nlog.info('end', count=int(REDACTED._value.get()))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


@pytest.mark.parametrize("at", range(9), ids=LINES[:9])
def test_a_card_number_is_taken_out(at: int, written: list[str]):
    text = written[at]
    assert ("[card]" in text, NUMBER in text, json.loads(text)["level"] in ("info", "warning", "error")) == (
        True,
        False,
        True,
    )


def test_what_was_taken_out_is_counted(written: list[str]):
    assert json.loads(written[-1])["count"] >= 9


def test_other_long_numbers_stay(written: list[str]):
    line = json.loads(written[9])
    assert (line["order"], line["at"]) == ("4539578763621487", 4539578763621487)


def test_what_lies_under_a_secret_name_is_taken_out_however_deep(written: list[str]):
    line = json.loads(written[10])
    assert (line["body"], line["token"]) == ({"card": [{"cvc": "[redacted]", "brand": "visa"}]}, "[redacted]")
