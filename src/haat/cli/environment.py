"""The settings as the environment tells them to a command, with whatever in it nobody would hear."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pydantic import ValidationError

from haat.cli.instance import MARK
from haat.kit.startup import StartupFault
from haat.settings import SERVES_VARIABLE, SERVICES, Settings

__all__ = ["read_settings", "slips", "strangers"]

PREFIX = "HAAT_"
# For one another, not for people; the last is of `make`.
OURS = (SERVES_VARIABLE, MARK, "HAAT_PYTHON")
# From here on a slip of the fingers, which would start another shop than the one that was meant. What is less like a
# setting may be somebody else's.
SLIP, LIKE = 0.85, 0.6
ADDRESS = re.compile(r"https?://[^\s/]+")
# Kubernetes tells every container of a service that is called haat-search.
HOST_BY_KUBERNETES, PORT_BY_KUBERNETES = "_SERVICE_HOST", "_PORT"


def read_settings() -> Settings:
    """What the environment says. Raises StartupFault with everything in it that makes no sense, or is mistyped."""
    faults = [_mistyped(name, meant) for name, meant in slips(os.environ)]
    faults += [
        _senseless(name, "it is no address such as http://10.0.0.7:9001")
        for name in (f"{PREFIX}{service.upper()}_URL" for service in SERVICES)
        if os.environ.get(name) and not ADDRESS.match(os.environ[name])
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [_senseless(*wrong) for wrong in _wrong(error)]
        raise StartupFault.joined(faults) from None
    if faults:
        raise StartupFault.joined(faults)
    # What the supervisor starts would say it once more.
    for said in () if MARK in os.environ else strangers(os.environ):
        print(f"haat: {said}", file=sys.stderr)
    return settings


def slips(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The variables that no setting knows though they are almost called like one, each with the one that is meant."""
    given, known = set(names), _known()
    for name in sorted(_unknown(given, known)):
        near = get_close_matches(_bare(name), known, 1, SLIP)
        if near and not _by_kubernetes(name, given):
            yield name, PREFIX + near[0]


def strangers(names: Iterable[str]) -> list[str]:
    """What to say of each other variable with our prefix that no setting knows."""
    names, known = list(names), _known()
    mistyped = {name for name, _ in slips(names)}
    return [
        f"{name} does nothing, for no setting is called so{_like(name, known)}."
        for name in sorted(_unknown(names, known) - mistyped)
    ]


def _by_kubernetes(name: str, names: set[str]) -> bool:
    return name.endswith(PORT_BY_KUBERNETES) and name.removesuffix(PORT_BY_KUBERNETES) + HOST_BY_KUBERNETES in names


def _like(name: str, known: set[str]) -> str:
    near = get_close_matches(_bare(name), known, 1, LIKE)
    return f" ({PREFIX}{near[0]} is the nearest)" if near else ""


def _known() -> set[str]:
    return {name.upper() for name in Settings.model_fields} | {f"{service.upper()}_URL" for service in SERVICES}


def _unknown(names: Iterable[str], known: set[str]) -> set[str]:
    # Settings are read in small letters, too; addresses of services are not.
    small = {name.upper() for name in Settings.model_fields}
    return {
        name
        for name in names
        if name.upper().startswith(PREFIX)
        and name not in OURS
        and _bare(name) not in (known if name.isupper() else small)
    }


def _bare(name: str) -> str:
    return name.upper().removeprefix(PREFIX)


def _wrong(error: ValidationError) -> Iterator[tuple[str, str]]:
    for each in error.errors(include_input=False):
        yield f"{PREFIX}{each['loc'][0]}".upper(), each["msg"]


def _senseless(name: str, why: str) -> StartupFault:
    return StartupFault(f"{name} makes no sense: {why}.", "Correct it, or leave it out.")


def _mistyped(name: str, meant: str) -> StartupFault:
    return StartupFault(f"No setting is called {name}.", f"Call it {meant}, or leave it out.")
