"""One command at a time in a folder of results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnrep.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: two commands in one folder are the user's own risk
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if need be; the lock ends with the process, however it ends.

    Raises:
        UserError: another command holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                reason = "another nnrep reproduce is at work here; wait for it, or choose another results_dir"
                raise UserError(f"{folder}: {reason}") from error
        yield
