"""One command at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nnrep.errors import UserError

LOCK = ".lock"


@contextmanager
def locked(folder: Path, advice: str, name: str = LOCK) -> Iterator[None]:
    """Hold a folder, which is made if need be; the lock ends with the process, however it ends.

    Afterwards the lock's file is gone, and so are the folders that were made for it and are empty.

    Args:
        folder: to hold.
        advice: what to do where another command holds it, for its user.
        name: of the lock's file; locks of other names are others.

    Raises:
        UserError: another command holds it.
        OSError: the folder cannot be made.
    """
    made = _missing(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise UserError(f"{folder}: another nnrep is at work here; wait for it, or {advice}") from error
    except (OSError, NotImplementedError):
        pass  # A file system without locks, or a folder in which nothing can be written, as is said later.
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):
                (folder / name).unlink()  # while it is held: whoever has opened it begins anew
            lock.release()
        _remove_empty(made)


def _missing(folder: Path) -> list[Path]:
    """The folder and those above it that do not exist, the innermost first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # most often it is not empty
            folder.rmdir()
