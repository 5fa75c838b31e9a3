"""Whether a port can be had, and what to say when it cannot."""

from __future__ import annotations

import errno
import socket
from typing import Any

from haat.kit.startup import StartupFault

__all__ = ["address_of", "free_port", "port_fault", "port_in_use"]

NEIGHBOURS = 50


def port_in_use(host: str, port: int, shared: bool = False) -> bool:
    """Whether somebody listens there already, who does not share it when we would.

    Raises OSError when the address is unusable for other reasons.
    """
    try:
        _bind(host, port, shared)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise
    return False


def address_of(host: str, port: int) -> str:
    """The address by which a server that knows no names listens at `host`: that of `localhost`, say. Raises OSError."""
    return str(_looked_up(host, port)[4][0])


def free_port(preferred: int = 0, host: str = "127.0.0.1") -> int:
    """`preferred` when it is free, else any free port. Another program may still take it before we do."""
    if preferred and not port_in_use(host, preferred):
        return preferred
    return _bind(host, 0)


def port_fault(host: str, port: int, shared: bool = False) -> StartupFault | None:
    """Why haat cannot listen at host:port and what to do about it; None when it can.

    `shared` is for a server that may stand beside another of its kind: the new release before the old one goes.
    """
    try:
        taken = port_in_use(host, port, shared)
    except PermissionError:
        return StartupFault(
            f"Port {port} needs special rights.",
            f"Choose one above 1023, for example HAAT_PORT={free_port(8000, host)}.",
        )
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        return StartupFault(
            f"{host} is no address of this machine ({why}).",
            "Choose one of its own, for example HAAT_HOST=127.0.0.1 or HAAT_HOST=0.0.0.0.",
        )
    if not taken:
        return None
    near = next((other for other in range(port + 1, port + NEIGHBOURS) if _free(host, other)), 0)
    return StartupFault(
        f"Port {port} on {host} is taken by another program.",
        f"Stop that program, or choose another port: HAAT_PORT={near or free_port(0, host)}",
    )


def _free(host: str, port: int) -> bool:
    try:
        return port < 65536 and not port_in_use(host, port)
    except OSError:
        return False


def _looked_up(host: str, port: int) -> Any:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]


def _bind(host: str, port: int, shared: bool = False) -> int:
    family, kind, protocol, _, address = _looked_up(host, port)
    with socket.socket(family, kind, protocol) as listener:
        # Without this a port just left by our own earlier run would look taken for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared and hasattr(socket, "SO_REUSEPORT"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        return int(listener.getsockname()[1])
