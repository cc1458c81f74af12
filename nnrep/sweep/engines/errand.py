"""Work as a job of a batch system does it: told by files when to stop, and that it has begun."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nnrep.sweep.engines.remote import Remote

STOP_SECONDS = 1.0  # from one look for the file that stops it to the next


class Answer(NamedTuple):
    """What a job sends back: a value, or the error in its place."""

    value: Any
    error: Exception | None


@dataclass(frozen=True)
class Errand:
    """Some work as a job does it.

    Attributes:
        work: what is done.
        folder: that all machines see.
        name: of the job in it.
    """

    work: Remote
    folder: Path
    name: str

    @property
    def begun(self) -> Path:
        """A file that is there once the job runs."""
        return self.folder / f"{self.name}.begun"

    def __call__(self) -> Answer:
        """Do it."""
        # submitit would not heed the first, by which a job is ended; by the second, a warning that time is
        # running out, it would break the work off with an error.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        self.begun.touch()
        try:
            return Answer(self.work(_every(STOP_SECONDS, stop_file(self.folder).exists)), None)
        except Exception as error:
            return Answer(None, error)


def stop_file(folder: Path) -> Path:
    """A file that is there once jobs are to stop."""
    return folder / "stop"


def _every(seconds: float, condition: Callable[[], bool]) -> Callable[[], bool]:
    """A condition that is looked at once in so many seconds; once it holds it does so for good."""
    seen = [False, 0.0]

    def held() -> bool:
        now = time.monotonic()
        if not seen[0] and now >= seen[1]:
            seen[:] = [condition(), now + seconds]
        return bool(seen[0])

    return held
