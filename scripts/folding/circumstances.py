"""By which command, of which code and on which machine something is made."""

import json
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nnrep.errors import UserError
from nnrep.figures.provenance import describe_machine, git_commit
from nnrep.host.cache import write_whole
from nnrep.host.runtime import describe_versions

M = TypeVar("M")


class Circumstances(NamedTuple):
    """How something is made.

    Attributes:
        date: when it began.
        command: that makes it.
        commit: of the code, with "+ changes" if there are some.
        machine: processor, cores, memory.
        versions: of packages.
    """

    date: str
    command: str
    commit: str
    machine: str
    versions: str


def circumstances() -> Circumstances:
    """Those of this process, now."""
    command = shlex.join(["scripts/bench_folding", *sys.argv[1:]])
    return Circumstances(now(), command, git_commit(), describe_machine(), describe_versions())


def now() -> str:
    """Date and time as tables of commands have them."""
    return f"{datetime.now():%Y-%m-%d %H:%M}"


def save_made(path: Path, made: dict[str, Any]) -> None:
    """Write how something was made."""
    write_whole(path, (json.dumps(made, indent=1) + "\n").encode())


def read_made(path: Path, kind: Callable[..., M], what: str) -> M | None:
    """How something was made, which is what; None without the file.

    Raises:
        UserError: the file says something else.
    """
    if not path.exists():
        return None
    try:
        return kind(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: does not say how {what} was made ({error}); move it away") from error
