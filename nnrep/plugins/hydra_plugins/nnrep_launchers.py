"""The launchers of our sweeps: processes of this machine (`hydra/launcher=local`), or an engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

KEY = "hydra.launcher"


class OurLauncher(Launcher):
    """Has what Hydra gives, and the jobs of a sweep."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def _configure_log(self) -> None:
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)

    def _composed(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> list[tuple[int, DictConfig]]:
        """Number and configuration of each job; the sweep's folder is there afterwards."""
        from nnrep.config.sweep_configs import SweepConfigs

        setup_globals()
        self._configure_log()
        Path(str(self._config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        configs = SweepConfigs(self._context.config_loader, self._config)
        numbered = enumerate(job_overrides, initial_job_idx)
        return [(number, configs.of(number, list(overrides))) for number, overrides in numbered]


class LocalLauncher(OurLauncher):
    """Runs jobs in worker processes; a single worker is the process of the command."""

    def __init__(self, workers: int | None = None, devices: int | None = None) -> None:
        """Take the number of processes, or of devices with one each, from `configs/`."""
        self._workers, self._devices = workers, devices

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run some jobs; each as Hydra's own launcher runs it.

        Raises:
            ConfigError: a number that is none, or of more devices than there are.
        """
        from nnrep.host.terminal import log
        from nnrep.sweep.engines.local import LocalEngine
        from nnrep.sweep.hydra_chunk import run_hydra_job
        from nnrep.sweep.hydra_jobs import count_of_workers, devices_of_jobs, run_on_engine

        jobs = self._composed(job_overrides, initial_job_idx)
        # A process keeps to the threads that it begins with; in one process, jobs of others say so.
        threads, *others = {config.get("threads") for _, config in jobs}
        workers = 1 if others else count_of_workers(self._workers, threads, len(jobs))
        if self._devices is not None:
            devices = devices_of_jobs(self._devices, self._workers, [threads, *others])[: len(jobs)]
            log().info("launching %d jobs on %d devices", len(jobs), len(devices))
            return run_on_engine(LocalEngine(devices, threads), self._context, self._task, jobs, chunk=1)
        log().info("launching %d jobs, %d at a time", len(jobs), workers)
        if workers > 1:
            return run_on_engine(
                LocalEngine([None] * workers, threads), self._context, self._task, jobs, chunk=1
            )
        returned = []
        for (number, config), overrides in zip(jobs, job_overrides, strict=True):
            log().info("job %d: %s", number, " ".join(filter_overrides(overrides)))
            returned.append(run_hydra_job(self._context, self._task, config))
            self._configure_log()
        return returned


class EngineLauncher(OurLauncher):
    """Sends jobs to an engine, in chunks."""

    def __init__(self, **values: Any) -> None:
        """Take the keys of the engine from `configs/`."""
        self._values = values

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run some jobs.

        Raises:
            UserError: the engine cannot be had, or its keys cannot be used.
        """
        from nnrep.errors import named_under, require
        from nnrep.host.terminal import log
        from nnrep.sweep.engines.registry import engine_settings
        from nnrep.sweep.hydra_jobs import run_on_engine

        jobs = self._composed(job_overrides, initial_job_idx)
        values = OmegaConf.to_container(OmegaConf.create(self._values), resolve=True)
        assert isinstance(values, dict)
        chosen = engine_settings({str(key): value for key, value in values.items()}, KEY)
        threads, *others = {config.get("threads") for _, config in jobs}
        require(not others, "threads", f"one number for all jobs of {chosen.name}", [threads, *others])
        with named_under(KEY):
            engine = chosen.open(threads, len(jobs))
        log().info("launching %d jobs by %s, %d at a time", len(jobs), chosen.name, engine.workers)
        return run_on_engine(engine, self._context, self._task, jobs, chosen.chunk)
