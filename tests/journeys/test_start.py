"""`haat run`'s promise: a shop from one command, that ends cleanly, comes back, and explains what hinders it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from haat.cli.addresses import port_in_use
from tests.journeys.shops import lasting_ports
from tests.journeys.starts import Start, ask, every, haat, orders, skus, staff_token

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("start")]

STARTING = Callable[..., Start]
# A step lasts longer.
AMID_SECONDS = 1.0


@dataclass(frozen=True)
class First:
    """What the first start left: its folder, the order bought in it and every other, its login, and its products."""

    data: Path
    lines: list[str]
    products: dict[str, list[str]]
    order: str
    orders: list[str]
    password: str
    status: int
    left: list[int]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    """A first start that sold something and was ended by Ctrl-C."""
    start = Start(tmp_path_factory.mktemp("first") / "data", a_port())
    try:
        start.ready()
        curl = shlex.split(start.told("buy"))
        assert curl == ["curl", "-X", "POST", f"{start.url}/sandbox/buy?q=kettle"]
        order = ask(curl[2], curl[3])
        password = start.password()
        kept, sold = skus(start.url), orders(start.url, password)
        status = start.stop(signal.SIGINT)
        yield First(start.data, start.lines, kept, order["number"], sold, password, status, start.left())
    finally:
        start.clear()


@pytest.fixture
def begin() -> Iterator[STARTING]:
    """Starts a shop that is gone after the test."""
    starts: list[Start] = []

    def started(data: Path, port: int, **settings: str) -> Start:
        starts.append(Start(data, port, **settings))
        return starts[-1]

    yield started
    for start in starts:
        start.clear()


@pytest.fixture(scope="module")
def folder(first: First, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the first start's folder that the tests use one after the other; owners and modes as they were."""
    return copied(first, tmp_path_factory.mktemp("second"))


def copied(first: First, place: Path) -> Path:
    subprocess.run(["cp", "-a", str(first.data), str(place / "data")], check=True)
    return place / "data"


def a_port() -> int:
    """One that is still free when a start comes to it, and comes back to it."""
    return next(lasting_ports())


def neighbours() -> tuple[int, int]:
    """Two free ports next to each other."""
    return next((port, port + 1) for port in lasting_ports() if not port_in_use("127.0.0.1", port + 1))


def test_the_first_start_tells_where_everything_is(first: First):
    url = first.lines[-1].removeprefix("ready ")
    welcome = [line.split() for line in first.lines if line.startswith("  ")]
    assert ["shop", url] in welcome
    assert ["back", "office", f"{url}/admin"] in welcome
    assert ["API", "docs", f"{url}/docs"] in welcome
    assert ["staff", "staff@haat.example", "/", first.password] in welcome
    assert ["shopper", "asha@example.com", "/", "namaste-haat"] in welcome


def test_the_first_start_tells_each_step_with_its_seconds(first: First):
    ended = [line for line in first.lines if line.endswith(" s") and " after " not in line]
    steps = [line.strip().split(":")[0] for line in ended]
    assert steps == [
        "accounts and taxes",
        "drawing pictures",
        "products",
        "reviews",
        "orders",
        "history",
        "training",
        "search index",
    ]


def test_ctrl_c_leaves_nothing_but_the_data(first: First):
    assert (first.status, first.left) == (0, [])


def test_the_second_start_keeps_orders_and_does_not_seed(first: First, folder: Path, begin: STARTING):
    start = begin(folder, a_port()).ready()
    assert (orders(start.url, start.password()), start.password()) == (first.orders, first.password)
    assert [line for line in start.lines if "filling in" in line or line == "seeded"] == []
    assert {os.sched_getscheduler(pid) for pid in start.left()} == {os.SCHED_BATCH}
    assert (start.stop(signal.SIGTERM), start.left()) == (0, [])


def test_another_staff_address_gets_an_account_with_the_password_that_is_told(folder: Path, begin: STARTING):
    start = begin(folder, a_port(), HAAT_STAFF_EMAIL="boss@haat.example").ready()
    email, password = start.told("staff").split(" / ")
    login = {"email": email, "password": password}
    signed_in = ask("POST", f"{start.url}/v1/sessions", login)
    assert (email, "access_token" in signed_in) == ("boss@haat.example", True)
    assert (start.stop(), start.left()) == (0, [])


def test_a_shop_that_listens_everywhere_says_where_browsers_find_it(first: First, folder: Path, begin: STARTING):
    port = a_port()
    start = begin(folder, port, HAAT_HOST="0.0.0.0").ready()
    assert start.told("shop") == f"http://127.0.0.1:{port}"
    by_name = f"http://localhost:{port}"
    assert ask("GET", f"{by_name}/v1/config")["vault_url"].startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{by_name}/cart?said=x", timeout=120) as page:
        assert page.url == f"{start.url}/cart?said=x"
    assert ask("POST", f"{by_name}/sandbox/buy?q=kettle")["number"] in orders(start.url, start.password())
    assert (start.stop(), start.left()) == (0, [])


def test_a_new_shop_has_a_past(first: First, folder: Path, begin: STARTING):
    port = a_port()
    start = begin(folder, port).ready()
    token = staff_token(start.url, start.password())
    sold = every(start.url, "/v1/orders?scope=all&", token)
    assert {order["status"] for order in sold} >= {"delivered", "shipped", "canceled", "returned", "placed"}
    days = {order["placed_at"][:10] for order in sold}
    assert (len(sold) > 100, len(days) > 14, len({order["user_id"] for order in sold}) > 39) == (True, True, True)
    waiting = every(start.url, "/v1/fraud/reviews?", token)
    assert [each["amount"]["amount"] >= 10_000_000 for each in waiting] == [True] * 4
    assert {each["kind"] for each in every(start.url, "/v1/inventory/alerts?", token)} == {"low_stock", "out_of_stock"}
    assert len(every(start.url, "/v1/mails?", token)) > 200
    books = haat(folder, port, "audit", "--patience", "180")
    assert (books.returncode, "cannot be read" in books.stdout) == (0, False)
    buyer = {"email": next(each["email"] for each in sold if each["user_id"]), "password": "namaste-haat"}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask("POST", f"{start.url}/v1/sessions", buyer)
    assert (start.stop(), start.left()) == (0, [])


def test_two_shops_side_by_side_one_with_one_worker_and_a_password_of_its_own(
    first: First, folder: Path, begin: STARTING, tmp_path: Path
):
    near, next_door = neighbours()
    here = begin(folder, near, HAAT_WORKERS="1", HAAT_STAFF_PASSWORD="chosen-by-me")
    there = begin(copied(first, tmp_path), next_door)
    bought = [ask("POST", f"{start.ready().url}/sandbox/buy?q=laptop")["status"] for start in (here, there)]
    # The money may be in before the answer is read.
    assert set(bought) <= {"placed", "confirmed"}
    assert first.order in orders(here.url, "chosen-by-me")
    again = haat(folder, a_port(), "run")
    assert again.returncode == 1
    assert f"haat is already running on {folder} as pid {here.process.pid} at {here.url}." in again.stderr
    busy = haat(tmp_path / "other", near, "run")
    assert busy.returncode == 1
    assert f"Port {near} on 127.0.0.1 is taken by another program." in busy.stderr
    assert "What to do: Stop that program, or choose another port: HAAT_PORT=" in busy.stderr
    well = haat(folder, near, "doctor")
    assert (well.returncode, f"{here.url} answers 200" in well.stdout) == (0, True)
    assert f"127.0.0.1:{near} is ours (pid {here.process.pid})" in well.stdout
    assert (here.stop(), there.stop(), here.left(), there.left()) == (0, 0, [], [])


def test_a_start_after_one_that_was_killed(first: First, folder: Path, begin: STARTING):
    port = a_port()
    headless = begin(folder, port).ready()
    headless.process.kill()
    headless.process.wait()
    second = begin(folder, port).ready()
    bought = ask("POST", f"{second.url}/sandbox/buy?q=kettle")["number"]
    second.kill_all()
    assert second.left() == []
    third = begin(folder, port).ready()
    assert {first.order, bought} <= set(orders(third.url, third.password()))
    assert (third.stop(), third.left()) == (0, [])


# The line that a step ends with; the next one is under way when the start is killed.
@pytest.mark.parametrize("begun", ["drawing pictures: ", "products: ", "reviews: "])
def test_a_half_finished_seed_is_finished(first: First, begin: STARTING, tmp_path: Path, begun: str):
    port = a_port()
    killed = begin(tmp_path / "data", port).until(begun)
    time.sleep(AMID_SECONDS)
    killed.process.kill()
    killed.process.wait()
    start = begin(tmp_path / "data", port).ready()
    assert len(first.products) == 364
    assert skus(start.url) == first.products
    sold = orders(start.url, start.password())
    # Those that found nothing in stock are tried once more, and what is bought between is in the same carts.
    assert (len(sold) == len(set(sold)), abs(len(sold) - len(first.orders)) < 8) == (True, True)
    assert haat(start.data, port, "audit", "--patience", "180").returncode == 0
    assert (start.stop(), start.left()) == (0, [])


def test_a_folder_that_nobody_may_write_to():
    ended = haat(Path("/sys/haat"), a_port(), "run")
    assert ended.returncode == 1
    assert "haat cannot start: The data folder /sys/haat cannot be written to" in ended.stderr
    assert "What to do: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_doctor_finds_what_is_wrong(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    ended = haat(tmp_path / "file", a_port(), "doctor")
    assert ended.returncode == 1
    assert f"{tmp_path / 'file'} is a file" in ended.stdout
    assert "Choose another by HAAT_DATA." in ended.stdout
