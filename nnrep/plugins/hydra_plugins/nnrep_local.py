"""The launcher of our sweeps, `hydra/launcher=local`: jobs side by side in processes of this machine."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Runs jobs in worker processes; a single worker is the process of the command."""

    def __init__(self, workers: int | None = None) -> None:
        """Take the number of processes from `configs/`."""
        self._workers = workers

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run some jobs; each as Hydra's own launcher runs it."""
        from nnrep.config.sweep_configs import SweepConfigs
        from nnrep.host.terminal import log
        from nnrep.sweep.job_processes import count_of_workers, run_hydra_job, run_in_processes

        setup_globals()
        logging, verbose = self._config.hydra.hydra_logging, self._config.hydra.verbose
        configure_log(logging, verbose)
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        threads = self._config.get("threads")
        workers = count_of_workers(self._workers, threads, len(job_overrides))
        log().info("launching %d jobs, %d at a time", len(job_overrides), workers)
        configs = SweepConfigs(self._context.config_loader, self._config)
        jobs = [(initial_job_idx + at, list(overrides)) for at, overrides in enumerate(job_overrides)]
        if workers > 1:
            composed = [(number, configs.of(number, overrides)) for number, overrides in jobs]
            return run_in_processes(self._context, self._task, composed, workers, threads)
        returned = []
        for number, overrides in jobs:
            log().info("job %d: %s", number, " ".join(filter_overrides(overrides)))
            config = configs.of(number, overrides)
            returned.append(run_hydra_job(self._context, self._task, config))
            configure_log(logging, verbose)
        return returned
