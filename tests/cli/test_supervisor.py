"""The supervisor, run as a real process over small scripts: order, readiness, crashes, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from haat.cli.addresses import free_port, port_fault, port_in_use
from haat.cli.child import LOG_LIMIT_BYTES, LogFile, answers, ending
from haat.cli.instance import InstanceLock, marked_processes, running_instance, sweep
from haat.kit.startup import StartupFault

pytestmark = pytest.mark.slow

# Answers 200 on the port in argv[1] and writes its name and its end to the journal in argv[2].
SERVER = """
import http.server, os, signal, sys
journal = open(sys.argv[2], "a", buffering=1)
class Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
def leave(*_):
    print("stopped", sys.argv[3], file=journal); os._exit(0)
signal.signal(signal.SIGTERM, leave)
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ok)
print("started", sys.argv[3], file=journal)
server.serve_forever()
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(900)"
FAMILY = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(900)'])\n"
    "time.sleep(900)"
)
RUNAWAY = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(900)'], start_new_session=True)\n"
    "time.sleep(900)"
)
HOST = """
import asyncio, json, sys
from pathlib import Path
from haat.cli.supervisor import Child, InstanceLock, Supervisor
from haat.kit.startup import StartupFault
data, options = Path(sys.argv[1]), json.loads(sys.argv[3])
children = [Child(**child) for child in json.loads(sys.argv[2])]
def say(text): print(text, flush=True)
with InstanceLock(data, "http://127.0.0.1:1"):
    try:
        asyncio.run(Supervisor(data, say=say, **options).run(children, lambda: say("ready")))
    except StartupFault as fault:
        say(f"fault: {fault.what}")
        sys.exit(3)
say("gone")
"""


class Host:
    """A supervisor in a process of its own, whose lines can be awaited."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def run(self, *children: dict[str, Any], **options: Any) -> Host:
        # Who is asked to stop, stops by itself: nobody is killed because the machine stood still.
        told = {"stop_seconds": 120.0, "ready_seconds": 240.0, **options}
        arguments = [str(self.data), json.dumps(children), json.dumps(told)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOST, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        # Bounds every wait for a line: the end of the supervisor ends the reading.
        self.limit = threading.Timer(300, self.process.kill)
        self.limit.start()
        return self

    def until(self, text: str) -> str:
        """The first line from here that contains `text`."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return line.rstrip()
        raise AssertionError(f"never said {text!r}: {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def status(self) -> int:
        assert self.process is not None
        return self.process.wait(200)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "data")
    yield host
    if host.process is not None:
        host.limit.cancel()
        host.process.kill()
        host.process.wait()
    sweep(host.data, seconds=1.0)


def script(name: str, program: str, *arguments: object) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-c", program, *map(str, arguments)]}


def server(name: str, journal: Path) -> dict[str, Any]:
    port = free_port()
    return {**script(name, SERVER, port, journal, name), "ready_url": f"http://127.0.0.1:{port}/readyz"}


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


# --- the life of a run


def test_starts_all_at_once_and_stops_in_reverse(host: Host, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    host.run(server("first", journal), server("second", journal)).until("ready")
    host.signal(signal.SIGTERM)
    assert host.status() == 0
    lines = journal.read_text().splitlines()
    assert sorted(lines[:2]) == ["started first", "started second"]
    assert lines[2:] == ["stopped second", "stopped first"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_leaves_no_process(host: Host, number: signal.Signals) -> None:
    host.run(script("family", FAMILY)).until("ready")
    assert eventually(lambda: len(marked_processes(host.data)) == 2)
    host.signal(number)
    assert host.status() == 0
    assert marked_processes(host.data) == []


def test_a_process_that_fled_its_group_is_found(host: Host) -> None:
    host.run(script("runaway", RUNAWAY)).until("ready")
    assert eventually(lambda: len(marked_processes(host.data)) == 2)
    host.signal(signal.SIGTERM)
    assert host.status() == 0
    assert marked_processes(host.data) == []


def test_a_stubborn_child_is_killed_within_its_time(host: Host) -> None:
    host.run(script("stubborn", STUBBORN), stop_seconds=1.0).until("ready")
    assert eventually(lambda: ignores_sigterm(marked_processes(host.data)[0]))
    host.signal(signal.SIGTERM)
    assert host.until("did not stop") == "stubborn did not stop by itself and was killed"
    assert host.status() == 0
    assert marked_processes(host.data) == []


def ignores_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) & 1 << signal.SIGTERM - 1)


def test_a_second_signal_forces(host: Host) -> None:
    host.run(script("stubborn", STUBBORN), stop_seconds=600.0).until("ready")
    assert eventually(lambda: ignores_sigterm(marked_processes(host.data)[0]))
    host.signal(signal.SIGINT)
    host.until("stopping")
    host.signal(signal.SIGINT)
    assert eventually(lambda: marked_processes(host.data) == [])
    assert host.status() == 0


def test_a_signal_while_starting_stops_as_well(host: Host) -> None:
    silent = {**script("silent", "import time; time.sleep(900)"), "ready_url": f"http://127.0.0.1:{free_port()}/"}
    host.run(silent)
    assert eventually(lambda: len(marked_processes(host.data)) == 1)
    host.signal(signal.SIGTERM)
    assert host.status() == 0
    assert host.process is not None
    assert host.process.stdout is not None
    assert host.process.stdout.read().splitlines() == ["stopping (once more to stop at once)", "gone"]
    assert marked_processes(host.data) == []


def test_killing_the_supervisor_takes_the_children_along(host: Host, tmp_path: Path) -> None:
    host.run(server("api", tmp_path / "journal"), script("worker", "import time; time.sleep(900)")).until("ready")
    host.signal(signal.SIGKILL)
    assert host.status() == -signal.SIGKILL
    assert eventually(lambda: marked_processes(host.data) == [])


def test_the_next_start_ends_what_outlived_a_killed_one(host: Host, tmp_path: Path) -> None:
    host.run(script("stubborn", STUBBORN)).until("ready")
    assert eventually(lambda: ignores_sigterm(marked_processes(host.data)[0]))
    old = marked_processes(host.data)
    host.signal(signal.SIGKILL)
    host.status()
    host.run(server("api", tmp_path / "journal"))
    assert host.until("earlier run") == "ended 1 process of an earlier run that was killed"
    host.until("ready")
    assert old[0] not in marked_processes(host.data)


# --- crashes


def test_a_crashed_child_is_started_again_and_said_so(host: Host, tmp_path: Path) -> None:
    host.run(server("api", tmp_path / "journal"), backoff_seconds=0.1).until("ready")
    os.kill(marked_processes(host.data)[0], signal.SIGKILL)
    said = host.until("again")
    assert said == f"api was ended by SIGKILL; starting it again in 0.1 s (log: {host.data}/logs/api.log)"
    assert host.until("back") == "api is back"


def test_the_pauses_grow_with_every_crash(host: Host) -> None:
    host.run(script("broken", "import sys; sys.exit(7)"), backoff_seconds=0.05)
    pauses = [host.until("broken ended with status 7").split(" in ")[1].split(" (")[0] for _ in range(3)]
    assert pauses == ["0.05 s", "0.1 s", "0.2 s"]


def test_what_a_crashed_child_left_in_its_group_goes_before_the_restart(host: Host) -> None:
    host.run(script("family", FAMILY), backoff_seconds=30).until("ready")
    assert eventually(lambda: len(marked_processes(host.data)) == 2)
    os.kill(min(marked_processes(host.data)), signal.SIGKILL)
    host.until("again")
    assert eventually(lambda: marked_processes(host.data) == [])


# --- faults while starting


def test_a_child_that_ends_while_starting_is_explained_by_its_last_lines(host: Host) -> None:
    dying = {**script("api", "raise OSError('no such table')"), "ready_url": f"http://127.0.0.1:{free_port()}/"}
    host.run(dying)
    assert host.until("fault") == "fault: api ended with status 1 while starting."
    assert host.until("OSError: no such") == "  OSError: no such table"
    assert host.status() == 3


def test_a_child_that_never_answers_is_a_fault_and_is_stopped(host: Host) -> None:
    url = f"http://127.0.0.1:{free_port()}/readyz"
    host.run({**script("api", "import time; time.sleep(900)"), "ready_url": url}, ready_seconds=0.5)
    assert host.until("fault") == f"fault: api was started but did not answer {url} within 0.5 s."
    assert host.status() == 3
    assert marked_processes(host.data) == []


def test_a_program_that_is_missing_is_a_fault(host: Host) -> None:
    host.run({"name": "api", "argv": ["/nowhere/program"]})
    said = host.until("fault")
    assert said == "fault: api cannot be run (No such file or directory: /nowhere/program)."


# --- logs


def test_output_goes_to_the_log_and_warnings_to_the_console(host: Host) -> None:
    program = (
        "import json, time\n"
        "print('all quiet')\n"
        "print(json.dumps({'level': 'warning', 'event': 'stock is low'}), flush=True)\n"
        "time.sleep(900)"
    )
    host.run(script("worker", program))
    assert host.until("stock") == "[worker] warning: stock is low"
    assert [line for line in host.lines if "quiet" in line] == []
    assert (host.data / "logs" / "worker.log").read_text().startswith("all quiet\n")


def test_a_new_run_keeps_the_log_of_the_last(tmp_path: Path) -> None:
    LogFile(tmp_path, "api").path.write_text("first run\n")
    LogFile(tmp_path, "api").path.write_text("second run\n")
    LogFile(tmp_path, "api")
    assert (tmp_path / "api.1.log").read_text() == "second run\n"
    assert (tmp_path / "api.2.log").read_text() == "first run\n"


def test_a_log_that_grows_too_long_is_turned_over_under_its_writer(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "api")
    with log.path.open("ab", buffering=0) as writer:
        writer.truncate(LOG_LIMIT_BYTES)
        writer.write(b"\nlast of the old\n")
        log.notable()
        writer.write(b"ERROR first of the new\n")
        assert log.notable() == ["ERROR first of the new"]
    assert log.path.read_bytes() == b"ERROR first of the new\n"
    assert (tmp_path / "api.1.log").stat().st_size == LOG_LIMIT_BYTES + 17


def test_many_warnings_at_once_are_counted_rather_than_shown(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "api")
    log.path.write_text("".join(f"ERROR number {number}\n" for number in range(10)))
    assert log.notable() == ["ERROR number 0", "ERROR number 1", "ERROR number 2", f"… and 7 more in {log.path}"]


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "api")
    log.path.write_text("ERROR it bro")
    assert log.notable() == []
    log.path.write_text("ERROR it broke\n")
    assert log.notable() == ["ERROR it broke"]


def test_endings_are_told_in_words() -> None:
    assert [ending(0), ending(-9), ending(-99)] == [
        "ended with status 0",
        "was ended by SIGKILL",
        "was ended by signal 99",
    ]


async def test_a_port_where_nobody_listens_does_not_answer() -> None:
    assert await answers(f"http://127.0.0.1:{free_port()}/") is False


# --- one instance per folder


def test_a_second_instance_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with InstanceLock(tmp_path, "http://127.0.0.1:8123"), pytest.raises(StartupFault) as caught:
        InstanceLock(tmp_path)
    assert caught.value.what == f"haat is already running on {tmp_path} as pid {os.getpid()} at http://127.0.0.1:8123."
    assert caught.value.what_to_do == (
        f"Use that one, stop it (kill {os.getpid()}), or choose another HAAT_DATA and HAAT_PORT."
    )


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    InstanceLock(tmp_path).release()
    with InstanceLock(tmp_path, "http://second"):
        found = running_instance(tmp_path)
        assert found is not None
        assert found.url == "http://second"


def test_a_folder_nobody_holds_has_no_instance(tmp_path: Path) -> None:
    InstanceLock(tmp_path, "http://gone").release()
    assert running_instance(tmp_path) is None


def test_a_lock_of_a_killed_run_is_no_hindrance(host: Host) -> None:
    host.run(script("worker", "import time; time.sleep(900)")).until("ready")
    host.signal(signal.SIGKILL)
    host.status()
    with InstanceLock(host.data):
        assert running_instance(host.data) is not None


# --- ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_names_one_that_is_free(taken: int) -> None:
    fault = port_fault("127.0.0.1", taken)
    assert fault is not None
    assert fault.what == f"Port {taken} on 127.0.0.1 is taken by another program."
    stop, proposal = fault.what_to_do.split("HAAT_PORT=")
    assert stop == "Stop that program, or choose another port: "
    assert port_in_use("127.0.0.1", int(proposal)) is False


def test_a_free_port_is_no_fault(taken: int) -> None:
    assert port_fault("127.0.0.1", free_port()) is None


def test_a_taken_preference_gives_another_port(taken: int) -> None:
    assert free_port(taken) != taken


def test_a_free_preference_is_kept() -> None:
    port = free_port()
    assert free_port(port) == port


def test_an_address_of_another_machine_is_a_fault() -> None:
    fault = port_fault("192.0.2.1", 8000)
    assert fault is not None
    assert fault.what == "192.0.2.1 is no address of this machine (Cannot assign requested address)."
