"""The settings of the embedded PostgreSQL: safe for money first, then sized for this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["memory_bytes", "settings_text"]

MIB = 1024 * 1024
SHARED_BUFFERS_LEAST = 128 * MIB
SHARED_BUFFERS_MOST = 1024 * MIB
# Below this the parallel query memory of PostgreSQL does not fit (containers often have 64 MB).
SHM_LEAST = 256 * MIB


def memory_bytes() -> int:
    """The memory this process may use: the machine's, or the container's limit when that is smaller."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [physical]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def _shm_bytes() -> int:
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return 0
    return facts.f_frsize * facts.f_blocks


def settings_text(socket_folder: Path, *, durable: bool) -> str:
    """The whole of haat.conf. `durable=False` gives up crash safety and belongs to tests alone."""
    share = memory_bytes() // 4
    buffers = max(SHARED_BUFFERS_LEAST, min(SHARED_BUFFERS_MOST, share if durable else SHARED_BUFFERS_LEAST))
    kept = "on" if durable else "off"
    quoted = str(socket_folder).replace("'", "''")
    settings = {
        "listen_addresses": "''",
        "port": "5432",
        "unix_socket_directories": f"'\"{quoted}\"'",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{buffers // MIB}MB",
        "effective_cache_size": f"{max(256, share * 2 // MIB)}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": f"{max(64, min(256, share // 8 // MIB))}MB",
        "dynamic_shared_memory_type": "posix" if _shm_bytes() >= SHM_LEAST else "mmap",
        "fsync": kept,
        "synchronous_commit": kept,
        "full_page_writes": kept,
        "wal_compression": "pglz",
        "checkpoint_timeout": "10min",
        "checkpoint_completion_target": "0.9",
        "max_wal_size": "2GB",
        "min_wal_size": "128MB",
        "random_page_cost": "1.1",
        # Plans go by keys: a smaller sample serves them as well, and is taken in a quarter of the time.
        "default_statistics_target": "25",
        # Short statements never earn back the time the compiler takes.
        "jit": "off",
        "idle_in_transaction_session_timeout": "10s",
        # Outbox, leases and stock are small tables rewritten all the time: vacuum little and often. But not more often
        # than once a minute: after each look at a table every connection plans its statements on it anew.
        "autovacuum_naptime": "1min",
        "autovacuum_vacuum_scale_factor": "0.1",
        "autovacuum_vacuum_threshold": "200",
        # Each look at a table reads 30,000 rows, documents and all, for plans that go by keys and stay as they are:
        # with 0.05 a tenth of two cores on a busy day.
        "autovacuum_analyze_scale_factor": "0.3",
        "autovacuum_analyze_threshold": "500",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_checkpoints": "off",
        "log_min_messages": "warning",
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        # DETAIL lines quote column values, that is e-mail addresses and the like.
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_line_prefix": "'%m [%p] %q%u@%d '",
        "cluster_name": "'haat'",
    }
    lines = ["# Written by haat at every start. Your own settings go below the include in postgresql.conf."]
    return "\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items()), ""])
