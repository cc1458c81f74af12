"""By which command, of which code and on which machine something is made."""

import shlex
import sys
from datetime import datetime
from typing import NamedTuple

from nnrep.figures.provenance import describe_machine, git_commit
from nnrep.host.runtime import describe_versions


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
