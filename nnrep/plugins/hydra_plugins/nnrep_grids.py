"""The sweeper of our sweeps: `hydra/sweeper=grids`.

Hydra looks for plugins in the namespace package `hydra_plugins` only; `nnrep.config.compose` puts this one on
the path.
"""

import inspect
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(BasicSweeper):
    """As Hydra's own sweeper, for one grid after the other, and with files by patterns."""

    def __init__(
        self,
        max_batch_size: int | None,
        params: dict[str, str] | None = None,
        grids: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Take the grids from `configs/`; the other arguments are Hydra's."""
        super().__init__(max_batch_size, params)
        self.grids = grids

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Give the launcher a task that other processes can be sent.

        Raises:
            UserError: the launcher is that of a package which is not installed.
        """
        from nnrep.errors import UserError

        self._task = inspect.unwrap(task_function)
        target = config.hydra.launcher.get("_target_")
        try:
            super().setup(hydra_context=hydra_context, task_function=self._task, config=config)
        except RuntimeError as error:
            raise UserError(f"hydra.launcher: cannot be had ({target}); install it") from error

    def sweep(self, arguments: list[str]) -> Any:
        """Run all jobs, and hand on what other processes have returned.

        Raises:
            UserError: a launcher of others has failed; what its jobs have written is kept.
        """
        from hydra_plugins.nnrep_launchers import OurLauncher

        assert self.config is not None
        described = Path(str(self.config.hydra.sweep.dir), "multirun.yaml")
        is_new = not described.exists()
        ours = isinstance(self.launcher, OurLauncher)
        try:
            batches = super().sweep(arguments) if ours else self._swept_by_others(arguments)
        except Exception:
            if is_new and not described.with_name("runs.csv").exists():
                described.unlink(missing_ok=True)  # by which the folder would be in use
            raise
        for batch in batches:
            for job in batch:
                self._task.take(job.return_value)
        return batches

    def _swept_by_others(self, arguments: list[str]) -> Any:
        """Run all jobs in processes that begin with the wanted number of threads: jobs cannot set it."""
        from nnrep.config.explain import explain
        from nnrep.errors import UserError, is_integer
        from nnrep.host.threads import environment, thread_variables

        assert self.config is not None
        threads = self.config.threads
        try:
            with environment(thread_variables(threads if is_integer(threads) else None)):
                return super().sweep(arguments)
        except Exception as error:
            if explain(error) is not None:
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            if isinstance(error, BrokenProcessPool):  # joblib's is one as well
                reason = "a worker was lost, out of memory perhaps"
            raise UserError(f"hydra.launcher: {reason}; the same command with resume=true goes on") from error

    def split_arguments(  # type: ignore[override]  # of the class in Hydra, of the instance here
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """The jobs, in batches for the launcher."""
        from nnrep.sweep.grids import grid_points

        assert self.hydra_context is not None
        assert self.config is not None
        lines = [override.input_line or "" for override in overrides]
        given = self.config.paths.structures
        folders = [given] if isinstance(given, str) else list(given or ())
        jobs = grid_points(self.grids, lines, self.hydra_context.config_loader, folders)
        return list(BasicSweeper.split_overrides_to_chunks(jobs, max_batch_size))

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose what is composed differently, once: a job for each of a thousand files takes minutes."""
        from nnrep.sweep.grids import distinct_compositions

        assert self.hydra_context is not None
        super().validate_batch_is_legal(distinct_compositions(batch, self.hydra_context.config_loader))
