"""`haat`, or `python -m haat`."""

import sys


def main() -> None:
    """Run the command line; a start-up fault is told in words, without a traceback."""
    from haat.cli.root import app
    from haat.kit.startup import StartupFault

    try:
        app()
    except ValueError as error:
        # By its title: whoever only wants help does not wait for the library that reads settings.
        if getattr(error, "title", "") != "Settings":
            raise
        for wrong in error.errors(include_input=False):  # type: ignore[attr-defined]
            name = f"HAAT_{wrong['loc'][0]}".upper()
            print(f"haat cannot start: {name} makes no sense: {wrong['msg']}", file=sys.stderr)
        raise SystemExit(1) from None
    except StartupFault as fault:
        for part in fault.parts:
            print(f"haat cannot start: {part.what}\n  What to do: {part.what_to_do}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
