"""`nnrep run`: Hydra in front of `nnrep.job`. JAX is imported only once a configuration is complete."""

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from nnrep.errors import EXIT_INTERRUPTED, EXIT_OK, UserError


def config_folder() -> Path:
    """The configurations: inside an installed package, else those of the checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise UserError(f"{package / 'configs'}: the configurations are missing; install nnrep again")


def run_app(arguments: list[str]) -> int:
    """Run every job that the arguments describe; the worst exit status of all.

    Raises:
        UserError, HydraException, OmegaConfBaseException, OSError: see `nnrep.explain`.
    """
    OmegaConf.register_new_resolver("multiply", _multiply, replace=True)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, not to the terminal
    statuses = [EXIT_OK]
    errors: list[Exception] = []

    def task(config: DictConfig) -> None:
        from nnrep.job import run_job

        # Raised here, an error would reach the terminal in Hydra's words and ours.
        try:
            statuses.append(run_job(config, Path(HydraConfig.get().runtime.output_dir)))
        except Exception as error:
            errors.append(error)
        if statuses[-1] == EXIT_INTERRUPTED:
            raise KeyboardInterrupt  # ends a sweep, not only its current job

    sys.argv = [Path(sys.argv[0]).name, *arguments]
    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(task)()
    except KeyboardInterrupt:
        if statuses[-1] != EXIT_INTERRUPTED:
            raise
    except (ValueError, TypeError) as error:  # of Hydra, as it composes: ours are in `errors`
        raise UserError(f"{' '.join(arguments)}: {error}") from error
    if errors:
        raise errors[0]
    return max(statuses)


def _multiply(*factors: float) -> float:
    product = 1.0
    for factor in factors:
        product *= factor
    return product
