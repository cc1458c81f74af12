"""Hydra in front of the jobs of `nnrep run` and `nnrep modes`.

JAX is imported only once a configuration is complete.
"""

import os
import sys
from argparse import Namespace
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import hydra
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import add_plugins, register_resolvers
from nnrep.config.explain import explain
from nnrep.config.overrides import check_override, understood
from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, ConfigError, UserError
from nnrep.host.lock import locked
from nnrep.host.terminal import log
from nnrep.host.threads import limit_threads

if TYPE_CHECKING:
    from nnrep.records.sweep_table import SweepTable


class Refused(BaseException):
    """Ends Hydra before it writes; not an Exception, which Hydra would only warn of.

    Attributes:
        error: why.
    """

    def __init__(self, error: Exception) -> None:
        """Carry the error to `run_app`."""
        super().__init__()
        self.error = error


# Verb -> the module whose `check_job` and `run_job` it calls, once a configuration is composed.
JOBS = {"run": "nnrep.job", "modes": "nnrep.commands.modes_job"}
SWEEP_LOCK = ".sweep.lock"  # a job may be in the very folder of its sweep
SWEEP_FLAGS = ("-m", "--multirun")
TABULATED = ("run",)  # verbs whose jobs leave runs.csv, so that a sweep has a table of all


class CheckFirst(Callback):
    """Checks a configuration and its folder before Hydra makes the folder.

    Attributes:
        verb: whose job is checked; Hydra makes the instance, `run_app` sets the verb of all.
        checked: by folder, the jobs that may begin.
        held: keeps other sweeps out of the folder of this one until it is closed.
    """

    verb = "run"
    checked: ClassVar[dict[Path, Any]] = {}
    held: ClassVar[ExitStack] = ExitStack()

    def on_run_start(self, config: DictConfig, **others: Any) -> None:
        """A single run: all of it."""
        try:
            folder = Path(os.path.abspath(config.hydra.run.dir))  # as Hydra names it
            _check_resumed(config, "hydra.run.dir", folder)
            # JAX's floating-point type is set later: nothing here makes its arrays.
            limit_threads(config.threads)
            ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            self.checked[folder] = import_module(JOBS[self.verb]).check_job(ours, folder)
        except Exception as error:
            raise Refused(error) from error

    def on_multirun_start(self, config: DictConfig, **others: Any) -> None:
        """A sweep: its folder; its jobs are checked one by one."""
        folder = Path(config.hydra.sweep.dir).absolute()
        try:
            _check_resumed(config, "hydra.sweep.dir", folder)
            self.held.enter_context(locked(folder, "choose another hydra.sweep.dir", SWEEP_LOCK))
        except (UserError, OSError) as error:
            raise Refused(error) from error
        if (folder / "config.yaml").exists():
            raise Refused(UserError(f"{folder}: is the folder of a run; choose another hydra.sweep.dir"))
        held = [name for name in ("multirun.yaml", "runs.csv") if (folder / name).exists()]
        if held and config.get("resume") is not True:
            reason = "holds the results of a sweep; choose another hydra.sweep.dir, or add resume=true"
            raise Refused(UserError(f"{folder}: {reason}"))


def _check_resumed(config: DictConfig, key: str, folder: Path) -> None:
    """Raise `ConfigError` where something is to go on in a folder of today, which cannot hold it."""
    named = any(override.lstrip("+").startswith(f"{key}=") for override in config.hydra.overrides.hydra)
    if config.get("resume") is True and not named and not folder.exists():
        raise ConfigError("resume", f"is true, but no folder is named to go on in; add {key}=DIR")


def run_app(arguments: list[str], verb: str) -> int:
    """Run every job that the arguments describe; the worst exit status of all.

    Args:
        arguments: of the command line, after the verb.
        verb: one of `JOBS`.

    Raises:
        UserError, HydraException, OmegaConfBaseException, OSError: see `nnrep.config.explain`.
    """
    register_resolvers(verb)
    add_plugins()
    CheckFirst.verb = verb
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    flags = [argument for argument in arguments if argument in SWEEP_FLAGS]  # argparse wants them first
    overrides = [argument for argument in arguments if argument not in SWEEP_FLAGS]
    sys.argv = [Path(sys.argv[0]).name, *flags, *understood(overrides, is_sweep=_may_sweep(arguments))]
    for override in _checked_flags().overrides:
        check_override(override)
    jobs = Jobs(verb)

    def task(config: DictConfig) -> None:
        jobs.run(config)

    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(task)()
    except KeyboardInterrupt:
        if not jobs.interrupted:
            raise
    except Refused as refused:
        raise refused.error from refused
    except UserError:
        raise
    except (ValueError, TypeError) as error:  # of Hydra, as it composes: ours are with the jobs
        raise UserError(" ".join(f"{' '.join(arguments)}: {error}".split())) from error
    else:
        jobs.complete()
    finally:
        CheckFirst.held.close()
        jobs.report()
    return jobs.status()


class Jobs:
    """The jobs of a command, one after the other in this process, and how they end."""

    def __init__(self, verb: str) -> None:
        """Nothing has been run yet."""
        self._verb = verb
        self._statuses = [EXIT_OK]
        self._errors: list[Exception] = []  # of ours, or of the only job
        self._table: SweepTable | None = None
        self._process = os.getpid()

    @property
    def interrupted(self) -> bool:
        """Whether a job was stopped by the user, having written what there was."""
        return self._statuses[-1] == EXIT_INTERRUPTED

    def run(self, config: DictConfig) -> None:
        """Run a job that Hydra has composed.

        Raises:
            KeyboardInterrupt: it was interrupted, which ends a sweep.
        """
        folder = Path(HydraConfig.get().runtime.output_dir)
        # Raised here, an error would reach the terminal in Hydra's words and ours.
        try:
            limit_threads(config.threads)
            job = import_module(JOBS[self._verb])
            tabulated = self._is_tabulated(folder)
            checked = CheckFirst.checked.pop(folder, None) or job.check_job(config, folder)
            self._statuses.append(job.run_job(checked, folder, report=not tabulated))
            if tabulated:
                self._take_rows(folder)
        except Exception as error:
            self._take_error(error, config, folder)
        if self.interrupted:
            raise KeyboardInterrupt

    def _is_tabulated(self, folder: Path) -> bool:
        """Whether the job is one of a sweep with a table, which no other process of a launcher writes."""
        is_sweep = HydraConfig.get().mode == RunMode.MULTIRUN and folder != _sweep_folder()
        return is_sweep and self._verb in TABULATED and os.getpid() == self._process

    def _sweep_table(self) -> "SweepTable":
        if self._table is None:
            from nnrep.records.sweep_table import SweepTable

            self._table = SweepTable(_sweep_folder())
        return self._table

    def _take_rows(self, folder: Path) -> None:
        from nnrep.records.closing_table import outcome

        number = HydraConfig.get().job.num
        log().info("job %s: %s", number, outcome(self._sweep_table().add(number, folder)))

    def _take_error(self, error: Exception, config: DictConfig, folder: Path) -> None:
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            here = Path(HydraConfig.get().runtime.cwd)
            _remove_empty(folder, here if here in folder.parents else folder.parent)
            self._errors.append(error)
            return
        message, number = explain(error), HydraConfig.get().job.num
        _remove_empty(folder, _sweep_folder())
        if self._is_tabulated(folder):
            reason = message or f"{type(error).__name__}: {error}"
            self._sweep_table().add_failed(number, config, " ".join(reason.split()))
        if message is None:
            self._errors.append(error)
        else:
            log().error("nnrep: job %s: %s", number, message)
            self._statuses.append(EXIT_USAGE)

    def complete(self) -> None:
        """All jobs have been run."""
        if self._table is not None:
            self._table.close()

    def report(self) -> None:
        """Print the table of a sweep."""
        if self._table is None:
            return
        from nnrep.records.closing_table import show_sweep

        show_sweep(self._table.rows, str(self._table.folder))
        if self.interrupted:
            log().info("interrupted; go on with hydra.sweep.dir=%s resume=true", self._table.folder)

    def status(self) -> int:
        """The worst exit status of all; raises the first error that no user can mend."""
        if self._errors:
            raise self._errors[0]
        return max(self._statuses)


def _sweep_folder() -> Path:
    config = HydraConfig.get()
    return Path(config.runtime.cwd, config.sweep.dir)


def _remove_empty(folder: Path, above: Path) -> None:
    """Remove a job's folder, and those between it and another one above, where they are empty."""
    while folder != above and above in folder.parents and not (folder.exists() and any(folder.iterdir())):
        if folder.exists():
            folder.rmdir()
        folder = folder.parent


def _mode(hydra: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """Whether Hydra runs or sweeps; None where no flag and no experiment says so, which is a single run.

    Hydra composes the whole configuration for this alone, and then once more.
    """
    marks = ("-", "hydra.mode", "hydra=", "experiment")
    said = any(argument.lstrip("+~").startswith(marks) for argument in sys.argv[1:])
    return _composed_mode(hydra, config_name, overrides) if said else None


_composed_mode = Hydra.get_mode
Hydra.get_mode = _mode  # type: ignore[method-assign, assignment]


def _may_sweep(arguments: list[str]) -> bool:
    """Whether commas may stand between the values of jobs."""
    marks = (*SWEEP_FLAGS, "hydra.mode", "experiment")
    return any(argument.lstrip("+~").startswith(marks) for argument in arguments)


def _checked_flags() -> Namespace:
    """Flags and overrides; unknown flags are refused in one line, where argparse would print its usage."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message}; see nnrep {CheckFirst.verb} --help")

    parser.error = refuse  # type: ignore[method-assign]
    return parser.parse_args()
