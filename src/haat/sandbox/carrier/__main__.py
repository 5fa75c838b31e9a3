"""`python -m haat.sandbox.carrier --data DIR …`: the parcel carrier as a process of its own."""

import sys
from collections.abc import Sequence

from haat.sandbox.carrier.assembly import carrier
from haat.sandbox.launch import read_arguments, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit status, 2 when the port or the data folder is taken."""
    return run("carrier", carrier, read_arguments("carrier", arguments))


if __name__ == "__main__":
    sys.exit(main())
