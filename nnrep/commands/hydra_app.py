"""Hydra in front of the jobs of `nnrep run` and `nnrep modes`.

JAX is imported only once a configuration is complete.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn

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
from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UserError
from nnrep.host.terminal import log
from nnrep.host.threads import limit_threads


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


class CheckFirst(Callback):
    """Checks a configuration and its folder before Hydra makes the folder.

    Attributes:
        verb: whose job is checked; Hydra makes the instance, `run_app` sets the verb of all.
        checked: by folder, the jobs that may begin.
    """

    verb = "run"
    checked: ClassVar[dict[Path, Any]] = {}

    def on_run_start(self, config: DictConfig, **others: Any) -> None:
        """A single run: all of it."""
        try:
            folder = Path(config.hydra.run.dir).absolute()
            # JAX's floating-point type is set later: nothing here makes its arrays.
            limit_threads(config.threads)
            ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            self.checked[folder] = import_module(JOBS[self.verb]).check_job(ours, folder)
        except Exception as error:
            raise Refused(error) from error

    def on_multirun_start(self, config: DictConfig, **others: Any) -> None:
        """A sweep: its folder; its jobs are checked one by one."""
        marker = Path(config.hydra.sweep.dir).absolute() / "multirun.yaml"
        if marker.exists() and "resume=true" not in config.hydra.overrides.task:
            reason = "holds the results of a sweep; choose another hydra.sweep.dir, or add resume=true"
            raise Refused(UserError(f"{marker.parent}: {reason}"))


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
    sys.argv = [Path(sys.argv[0]).name, *arguments]
    _check_flags()
    statuses = [EXIT_OK]
    errors: list[Exception] = []

    def task(config: DictConfig) -> None:
        # Raised here, an error would reach the terminal in Hydra's words and ours.
        try:
            limit_threads(config.threads)
            job = import_module(JOBS[verb])
            folder = Path(HydraConfig.get().runtime.output_dir)
            checked = CheckFirst.checked.pop(folder, None) or job.check_job(config, folder)
            statuses.append(job.run_job(checked, folder))
        except Exception as error:
            message = explain(error)
            if HydraConfig.get().mode == RunMode.MULTIRUN and message is not None:
                log().error("nnrep: job %s: %s", HydraConfig.get().job.num, message)
                statuses.append(EXIT_USAGE)
            else:
                errors.append(error)
        if statuses[-1] == EXIT_INTERRUPTED:
            raise KeyboardInterrupt  # ends a sweep, not only its current job

    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(task)()
    except KeyboardInterrupt:
        if statuses[-1] != EXIT_INTERRUPTED:
            raise
    except Refused as refused:
        raise refused.error from refused
    except (ValueError, TypeError) as error:  # of Hydra, as it composes: ours are in `errors`
        raise UserError(" ".join(f"{' '.join(arguments)}: {error}".split())) from error
    if errors:
        raise errors[0]
    return max(statuses)


def _mode(hydra: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """Whether Hydra runs or sweeps; None where no flag and no experiment says so, which is a single run.

    Hydra composes the whole configuration for this alone, and then once more.
    """
    marks = ("-", "hydra.mode", "hydra=", "experiment")
    said = any(argument.lstrip("+~").startswith(marks) for argument in sys.argv[1:])
    return _composed_mode(hydra, config_name, overrides) if said else None


_composed_mode = Hydra.get_mode
Hydra.get_mode = _mode  # type: ignore[method-assign, assignment]


def _check_flags() -> None:
    """Refuse unknown flags in one line, where argparse would print its usage."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message}; see nnrep {CheckFirst.verb} --help")

    parser.error = refuse  # type: ignore[method-assign]
    parser.parse_args()
