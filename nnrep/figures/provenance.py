"""What a command runs on, and of which state of the code."""

import os
import platform
import re
import subprocess
from pathlib import Path

import pandas as pd
import psutil
from pandas.api.types import is_numeric_dtype

CHECKOUT = Path(__file__).resolve().parents[2]
GIT_SECONDS = 10.0  # after which git is not waited for
COMMIT_DIGITS = 12


def git_commit(folder: Path = CHECKOUT) -> str:
    """The commit of a checkout, with "+ changes" if files differ from it; empty for what is none."""
    if not (folder / ".git").exists():
        return ""
    commit = _git(folder, "rev-parse", f"--short={COMMIT_DIGITS}", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} + changes" if commit and changes else commit


def _git(folder: Path, *arguments: str) -> str:
    """What git answers; nothing if it is not there, or refuses."""
    try:
        command = ["git", "-C", str(folder), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def describe_machine() -> str:
    """Processor, cores and memory: "Intel Xeon 6248R, 2 cores, 8.1 GB"."""
    memory = psutil.virtual_memory().total
    return f"{processor_name()}, {os.cpu_count()} cores, {memory / 1e9:.1f} GB"


def known_values(column: pd.Series) -> list[str]:
    """The different values of a column of the table of commands, as text."""
    return [f"{value:g}" if is_numeric_dtype(column) else str(value) for value in column.dropna().unique()]


def processor_name(listing: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", listing.read_text(), re.M)
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
