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
        from nnrep.sweep.hydra_jobs import count_of_workers, run_hydra_job, run_in_processes

        setup_globals()
        logging, verbose = self._config.hydra.hydra_logging, self._config.hydra.verbose
        configure_log(logging, verbose)
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        configs = SweepConfigs(self._context.config_loader, self._config)
        jobs = [
            (number, configs.of(number, list(overrides)))
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        # A process keeps to the threads that it begins with; in one process, jobs of others say so.
        threads, *others = {config.get("threads") for _, config in jobs}
        workers = 1 if others else count_of_workers(self._workers, threads, len(jobs))
        log().info("launching %d jobs, %d at a time", len(jobs), workers)
        if workers > 1:
            return run_in_processes(self._context, self._task, jobs, workers, threads)
        returned = []
        for (number, config), overrides in zip(jobs, job_overrides, strict=True):
            log().info("job %d: %s", number, " ".join(filter_overrides(overrides)))
            returned.append(run_hydra_job(self._context, self._task, config))
            configure_log(logging, verbose)
        return returned
