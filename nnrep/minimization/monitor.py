"""`Monitor`: how a minimisation is followed, recorded, stopped and resumed."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nnrep.errors import AsCode, is_integer, require, require_kind
from nnrep.host.progress import Progress


class Monitor(NamedTuple):
    """How a minimisation is followed while it runs.

    Attributes:
        on_progress: called after every chunk of steps.
        should_stop: asked after every chunk, also of a fit; True ends the run as interrupted.
        checkpoint: file that keeps the state of the run while it is unfinished; if it exists, the run goes
            on from it. Whoever named it removes it.
        record_every: keep a frame every so many steps of a stage, a multiple of every `check_every`; None
            for none.
    """

    on_progress: Callable[[Progress], None] | None = None
    should_stop: Callable[[], bool] | None = None
    checkpoint: Path | None = None
    record_every: int | None = None

    def check(self) -> None:
        """Check the types; each stage checks `record_every`.

        Raises:
            ConfigError: naming what cannot be used.
        """
        for name in ("on_progress", "should_stop"):
            function = getattr(self, name)
            require(function is None or callable(function), f"monitor.{name}", "a function", AsCode(function))
        file = self.checkpoint
        require_kind(file, Path | None, "monitor.checkpoint", "a pathlib.Path")
        usable = file is None or file.parent.is_dir()
        require(usable, "monitor.checkpoint", "in a folder that exists", file)


def check_record_every(
    every: int | None, check_every: int, key: str = "record_every", check_key: str = "check_every"
) -> None:
    """Raise `ConfigError` unless frames fall on checks; the keys are what the two are called."""
    allowed = f"a multiple of {check_key} = {check_every}, or null"
    counted = every is None or (is_integer(every) and every >= 1 and every % check_every == 0)
    require(counted, key, allowed, every)
