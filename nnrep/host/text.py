"""Text in places whose character set is not that of Python: names of files, old terminals."""

import codecs
import os
import sys
from typing import TextIO

ERRORS = "nnrep"


def readable(text: str) -> str:
    """Text without the half characters by which Python stands for bytes that it could not decode."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def print_anything() -> None:
    """Let standard output and standard error take every character.

    Bytes of file names come out as they are; what the character set lacks becomes a question mark. What is
    written to a stream that the command was started without (`>&-`) is lost.
    """
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    codecs.register_error(ERRORS, _as_bytes)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ERRORS)


def _nowhere() -> TextIO:
    stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process
    os.set_inheritable(stream.fileno(), True)  # the free number that it takes is 1 or 2, also in workers
    return stream


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    part = error.object[error.start : error.end]
    return b"".join(_byte(character) for character in part), error.end


def _byte(character: str) -> bytes:
    return bytes([ord(character) - 0xDC00]) if "\udc80" <= character <= "\udcff" else b"?"


def counted(count: int, noun: str) -> str:
    """ "1 particle", "2 particles"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def last_line(text: str) -> str:
    """The last line that has something in it; nothing if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
