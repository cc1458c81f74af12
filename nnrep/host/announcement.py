"""What a terminal shows at once, while all that a command needs is being loaded."""

import sys

ERASE = "\r\x1b[2K"
_shown: list[bool] = []


def announce(text: str) -> None:
    """Show a line until something else is shown; nothing where standard error is not a terminal."""
    if sys.stderr.isatty():
        print(f"{text} ...", end="", file=sys.stderr, flush=True)
        _shown[:] = [True]


def withdraw() -> None:
    """Take it away, before something else is shown."""
    if _shown:
        _shown.clear()
        print(ERASE, end="", file=sys.stderr, flush=True)
