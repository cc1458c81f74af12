"""`RowLogger`: a Hydra callback that logs the rows of finished runs, in the process of the command."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from nnrep.config.refusal import Refused
from nnrep.errors import UserError
from nnrep.host.terminal import log
from nnrep.records.loggers.logged_run import LoggedRun, finished_runs

GROUP = "hydra/callbacks"


class RowLogger(Callback):
    """Logs runs as they finish, whichever process has run them; subclasses say where to.

    A failure is a warning, after which nothing more is logged; the runs go on. The same command with
    resume=true logs what is missing.

    Attributes:
        active: those of the command under way.
    """

    package: ClassVar[str]  # that is imported
    active: ClassVar[list["RowLogger"]] = []
    _tracker: Any = None

    def record(self, tracker: Any, run: LoggedRun) -> None:
        """Log a run, unless it has been logged before.

        Args:
            tracker: what `opened` gave.
            run: finished.
        """
        raise NotImplementedError

    def opened(self, module: Any) -> Any:
        """What `record` needs, made once from the imported package."""
        return module

    def on_run_start(self, config: DictConfig, **others: Any) -> None:
        """A single run begins."""
        self._begin()

    def on_multirun_start(self, config: DictConfig, **others: Any) -> None:
        """A sweep begins."""
        self._begin()

    def take(self, folder: Path) -> None:
        """Log the finished runs in the folder of a job."""
        try:
            runs = finished_runs(folder)
            if runs and self._tracker is None:
                self._tracker = self.opened(import_module(self.package))
            for run in runs:
                self.record(self._tracker, run)
        except Exception as error:  # of whatever the package does; the runs are worth more
            self.active.remove(self)
            reason = " ".join(str(error).split()) or type(error).__name__
            missing = "the next runs are not logged; the same command with resume=true logs what is missing"
            log().warning("%s: %s; %s", self.package, reason, missing)

    def _begin(self) -> None:
        if find_spec(self.package) is None:
            reason = f"{self.package} is not installed; pip install {self.package}"
            raise Refused(UserError(f"{GROUP}: {reason}"))
        self.active.append(self)

    def __getstate__(self) -> dict[str, Any]:
        """Its settings: Hydra sends it to the processes of jobs, which log nothing."""
        return {name: value for name, value in vars(self).items() if name != "_tracker"}


def log_rows(folder: Path) -> None:
    """Log the finished runs in the folder of a job, if it has any, to all trackers of the command."""
    from nnrep.records.run_folder import RUNS  # loads NumPy, see `finished_runs`

    for logger in list(RowLogger.active):
        if (folder / RUNS).exists():
            logger.take(folder)
