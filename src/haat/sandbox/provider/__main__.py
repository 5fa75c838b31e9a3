"""`python -m haat.sandbox.provider --data DIR …`: the payment provider as a process of its own."""

import sys
from collections.abc import Sequence

from haat.sandbox.launch import read_arguments, run
from haat.sandbox.provider.assembly import provider


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit status, 2 when the port or the data folder is taken."""
    return run("provider", provider, read_arguments("provider", arguments))


if __name__ == "__main__":
    sys.exit(main())
