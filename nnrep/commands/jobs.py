"""The jobs that Hydra composes: what is run for each, in whichever process, and how all of them end."""

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from nnrep.commands.command import HydraVerb
from nnrep.config.compose import register_resolvers
from nnrep.config.explain import explain
from nnrep.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from nnrep.host.terminal import log
from nnrep.host.threads import limit_threads

if TYPE_CHECKING:
    from nnrep.records.sweep_table import SweepTable

LOGGERS = "nnrep.records.loggers.row_logger"  # which Hydra imports where there are some


class Outcome(NamedTuple):
    """How a job ended; other processes send it to the command.

    Attributes:
        number: of the job in its sweep.
        folder: of the job.
        above: folder above it that stays when nothing was written: a sweep's own, or where a run began.
        in_table: whether its rows belong into the table of a sweep.
        config: as it was composed.
        status: its exit status.
        reason: why it could not be run, in one line; None if it was.
        failure: of ours, that no user can mend.
    """

    number: int
    folder: Path
    above: Path
    in_table: bool
    config: DictConfig
    status: int
    reason: str | None = None
    failure: Exception | None = None


class Task:
    """Runs a job that Hydra has composed; pickled, it makes its new process ready for that."""

    # The configurations, by folder, that `CheckFirst` has checked before Hydra made the folder.
    checked: ClassVar[dict[Path, Any]] = {}

    def __init__(self, verb: HydraVerb, take: Callable[[Outcome], None] | None = None) -> None:
        """Register what configurations of the verb need.

        Args:
            verb: whose job it is.
            take: is told of the outcomes in this process; other processes return theirs.
        """
        register_resolvers(verb.name)
        self._verb, self.take = verb, take

    def __reduce__(self) -> tuple:
        """Without what belongs to this process."""
        return Task, (self._verb,)

    def __call__(self, config: DictConfig) -> Outcome:
        """Run a job.

        Raises:
            KeyboardInterrupt: it was interrupted in the process of the command, which ends a sweep.
        """
        outcome = self._outcome(config)
        if self.take is not None:
            self.take(outcome)
            if outcome.status == EXIT_INTERRUPTED:
                raise KeyboardInterrupt
        return outcome

    def lost(self, config: DictConfig, reason: str) -> Outcome:
        """The outcome of a job whose workers were lost; its folder is kept, for resume=true."""
        hydra = config.hydra
        above = Path(hydra.runtime.cwd, hydra.sweep.dir)
        folder = above / str(hydra.sweep.subdir)
        in_table = folder != above and self._verb.has_rows
        reason = f"{reason}; the same command with resume=true goes on"
        return Outcome(int(hydra.job.num), folder, above, in_table, config, EXIT_USAGE, reason)

    def _outcome(self, config: DictConfig) -> Outcome:
        hydra = HydraConfig.get()
        folder = Path(hydra.runtime.output_dir)
        is_sweep = hydra.mode == RunMode.MULTIRUN
        here = Path(hydra.runtime.cwd)
        whole = Path(here, hydra.sweep.dir)
        above = whole if is_sweep else here if here in folder.parents else folder.parent
        in_table = is_sweep and folder != whole and self._verb.has_rows
        number = int(hydra.job.num) if is_sweep else 0
        outcome = Outcome(number, folder, above, in_table, config, EXIT_OK)
        # Raised here, an error would reach the terminal in Hydra's words and ours.
        try:
            limit_threads(config.threads)
            job = import_module(self._verb.job)
            checked = self.checked.pop(folder, None) or job.check_job(config, folder)
            return outcome._replace(status=job.run_job(checked, folder, report=not in_table))
        except KeyboardInterrupt:  # before there was anything to write
            if self.take is not None:
                raise
            return outcome._replace(status=EXIT_INTERRUPTED, in_table=False)
        except Exception as error:
            _remove_empty(folder, above)
            reason = explain(error)
            if reason is None or not is_sweep:
                if self.take is None:
                    error.add_note("".join(traceback.format_exception(error)))  # which pickling loses
                return outcome._replace(status=EXIT_FAILED, reason=reason, failure=error)
            return outcome._replace(status=EXIT_USAGE, reason=reason)


class Jobs:
    """The outcomes of a command's jobs, as they come.

    Attributes:
        stopped: whether the user has stopped the command; perhaps none of its jobs has noticed.
    """

    def __init__(self) -> None:
        """Nothing has been run yet."""
        self._outcomes: dict[int, Outcome] = {}
        self._table: SweepTable | None = None
        self.stopped = False

    @property
    def interrupted(self) -> bool:
        """Whether a job was stopped by the user, having written what there was."""
        return any(outcome.status == EXIT_INTERRUPTED for outcome in self._outcomes.values())

    def take(self, outcome: Outcome) -> None:
        """Put the rows of a job into the sweep's table, and say how it ended; each job once."""
        if outcome.number in self._outcomes:
            return
        self._outcomes[outcome.number] = outcome
        if outcome.in_table:
            self._tabulate(outcome)
        elif outcome.reason is not None and outcome.failure is None:
            log().error("nnrep: job %s: %s", outcome.number, outcome.reason)
        if outcome.reason is None and outcome.failure is None:
            self._log_rows(outcome.folder)

    def _tabulate(self, outcome: Outcome) -> None:
        from nnrep.records.closing_table import outcome as described
        from nnrep.records.sweep_table import SweepTable

        if self._table is None:
            self._table = SweepTable(outcome.above)
        if outcome.reason is None and outcome.failure is None:
            rows = self._table.add(outcome.number, outcome.folder)
            log().info("job %s: %s", outcome.number, described(rows))
            return
        failure = outcome.failure
        reason = outcome.reason or f"{type(failure).__name__}: {failure}"
        self._table.add_failed(outcome.number, outcome.config, " ".join(reason.split()))
        if failure is None:
            log().error("nnrep: job %s: %s", outcome.number, reason)

    def _log_rows(self, folder: Path) -> None:
        """Log what has finished there, where a callback is to do so."""
        if LOGGERS in sys.modules:
            sys.modules[LOGGERS].log_rows(folder)

    def close(self) -> None:
        """No more rows are logged."""
        if LOGGERS in sys.modules:
            sys.modules[LOGGERS].RowLogger.active.clear()

    def complete(self) -> None:
        """All jobs have been run."""
        if self._table is not None:
            self._table.close()

    def report(self) -> None:
        """Print the table of a sweep."""
        if self._table is None:
            return
        from nnrep.records.closing_table import show_sweep

        self._table.write()
        show_sweep(self._table.rows, str(self._table.folder))
        if any(outcome.config.get("report") is True for outcome in self._outcomes.values()):
            from nnrep.records.report.runs import log_report

            log_report(self._table.folder)
        if self.stopped or self.interrupted:
            log().info("interrupted; go on with hydra.sweep.dir=%s resume=true", self._table.folder)

    def status(self) -> int:
        """The worst exit status of all; raises the first error that no user can mend, or of the only job."""
        for outcome in self._outcomes.values():
            if outcome.failure is not None:
                raise outcome.failure
        return max((outcome.status for outcome in self._outcomes.values()), default=EXIT_OK)


def _remove_empty(folder: Path, above: Path) -> None:
    """Remove a job's folder, and those between it and another one above, where they are empty."""
    while folder != above and above in folder.parents and not (folder.exists() and any(folder.iterdir())):
        if folder.exists():
            folder.rmdir()
        folder = folder.parent
