"""`haat`, or `python -m haat`."""

import sys


def main() -> None:
    """Run the command line; a start-up fault is told in words, without a traceback."""
    from haat.cli.root import app
    from haat.kit.startup import StartupFault

    try:
        app(sys.argv[1:])
    except StartupFault as fault:
        for part in fault.parts:
            print(f"haat cannot start: {part.what}\n  What to do: {part.what_to_do}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
