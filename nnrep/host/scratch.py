"""Temporary folders that do not outlive their process for long, however it ends."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnrep.errors import UserError
from nnrep.host.lock import LOCK, locked

PREFIX = "nnrep-"
YOUNG_SECONDS = 60.0  # of a folder whose process may be about to lock it


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, removed afterwards; those that killed processes have left are removed first.

    It has a lock inside of it, by which other processes see that it is in use.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_left(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, locked(Path(name), "start again"):
        yield Path(name)


def _remove_if_left(folder: Path) -> None:
    """Remove a folder of ours whose process has ended; leave alone what is somebody else's."""
    try:
        if not (folder / LOCK).is_file() or time.time() - folder.stat().st_mtime < YOUNG_SECONDS:
            return
        with locked(folder, ""):
            shutil.rmtree(folder, ignore_errors=True)
    except (UserError, OSError):
        return
