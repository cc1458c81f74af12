"""Hydra in front of the jobs of `nnrep run`, `nnrep modes` and `nnrep explore`.

JAX is imported only once a configuration is complete.
"""

import csv
import functools
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import hydra
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.commands.command import SWEEP_FLAGS, HydraVerb
from nnrep.commands.jobs import Jobs, Outcome, Task
from nnrep.config.compose import add_plugins
from nnrep.config.overrides import check_folder, check_override, understood
from nnrep.config.refusal import Refused
from nnrep.errors import ConfigError, UserError
from nnrep.host.lock import locked
from nnrep.host.threads import limit_threads

SWEEP_LOCK = ".sweep.lock"  # a job may be in the very folder of its sweep


class CheckFirst(Callback):
    """Checks a configuration and its folder before Hydra makes the folder.

    Attributes:
        verb: whose job is checked; Hydra makes the instance, `run_app` sets the verb of all.
        held: keeps other sweeps out of the folder of this one until it is closed.
    """

    verb: ClassVar[HydraVerb]
    held: ClassVar[ExitStack] = ExitStack()

    def on_run_start(self, config: DictConfig, **others: Any) -> None:
        """A single run: all of it."""
        try:
            _check_logged(config, self.verb)
            check_folder("hydra.run.dir", config.hydra.run.dir)
            folder = Path(os.path.abspath(config.hydra.run.dir))  # as Hydra names it
            _check_resumed(config, "hydra.run.dir", folder)
            # JAX's floating-point type is set later: nothing here makes its arrays.
            limit_threads(config.threads)
            ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            Task.checked[folder] = import_module(self.verb.job).check_job(ours, folder)
        except Exception as error:
            raise Refused(error) from error

    def on_multirun_start(self, config: DictConfig, **others: Any) -> None:
        """A sweep: its folder; its jobs are checked one by one."""
        folder = Path(config.hydra.sweep.dir).absolute()
        try:
            _check_logged(config, self.verb)
            check_folder("hydra.sweep.dir", config.hydra.sweep.dir)
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
        if held and self.verb.has_rows:
            _check_own_table(folder / "runs.csv")


def _check_own_table(path: Path) -> None:
    """Refuse to go on beside a table of somebody else's, which would be replaced.

    Its columns are read without pandas, which loads NumPy: the number of threads is not set yet.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        columns = next(csv.reader(file), [])
    if not {"run_id", "status"} <= set(columns) or columns[-1] != "error":
        raise Refused(UserError(f"{path}: is not the table of a sweep; choose another hydra.sweep.dir"))


def _check_resumed(config: DictConfig, key: str, folder: Path) -> None:
    """Raise `ConfigError` where something is to go on in a folder of today, which cannot hold it."""
    named = any(override.lstrip("+").startswith(f"{key}=") for override in config.hydra.overrides.hydra)
    if config.get("resume") is True and not named and not folder.exists():
        raise ConfigError("resume", f"is true, but no folder is named to go on in; add {key}=DIR")


def _check_logged(config: DictConfig, verb: HydraVerb) -> None:
    """Raise `UserError` where rows are to be logged of a verb that has none."""
    targets = [str(callback.get("_target_")) for callback in config.hydra.callbacks.values()]
    logged = any(target.startswith("nnrep.records.loggers.") for target in targets)
    if logged and not verb.has_rows:
        raise UserError(f"hydra/callbacks: must be left out, as nnrep {verb.name} has no rows to log")


def run_app(arguments: list[str], verb: HydraVerb) -> int:
    """Run every job that the arguments describe; the worst exit status of all.

    Args:
        arguments: of the command line, after the verb.
        verb: what is done with each configuration.

    Raises:
        UserError, HydraException, OmegaConfBaseException, OSError: see `nnrep.config.explain`.
    """
    jobs = Jobs()
    run_one = Task(verb, jobs.take)
    add_plugins()
    CheckFirst.verb = verb
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    given = _overrides(arguments)
    flags = [argument for argument in arguments if argument not in given]
    overrides = understood(given, is_sweep=_may_sweep(arguments))
    for override in overrides:
        check_override(override)
    # Hydra's parser wants overrides in one piece, and takes one behind --info for its value.
    sys.argv = [Path(sys.argv[0]).name, *verb.with_choices(overrides), *flags]

    @functools.wraps(run_one)  # of Hydra's arguments a function; our sweeper unwraps it
    def task(config: DictConfig) -> Outcome:
        return run_one(config)

    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(task)()
    except KeyboardInterrupt:
        jobs.stopped = True
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
        jobs.close()
        jobs.report()
    return jobs.status()


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


def _overrides(arguments: list[str]) -> list[str]:
    """The arguments that are no flags, nor values of one.

    Raises:
        UserError: a flag is not known, in one line, where argparse would print its usage.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message}; see nnrep {CheckFirst.verb.name} --help")

    parser.error = refuse  # type: ignore[method-assign]
    return list(parser.parse_intermixed_args(arguments).overrides)
