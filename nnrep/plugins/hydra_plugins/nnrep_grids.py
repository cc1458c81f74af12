"""A sweeper of Hydra's for several grids: `hydra/sweeper=grids`.

Hydra looks for plugins in the namespace package `hydra_plugins` only; `nnrep.config.compose` puts this one on
the path.
"""

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override


class GridSweeper(BasicSweeper):
    """As Hydra's own sweeper, for one grid after the other."""

    def __init__(
        self,
        max_batch_size: int | None,
        params: dict[str, str] | None = None,
        grids: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Take the grids from `configs/`; the other arguments are Hydra's."""
        super().__init__(max_batch_size, params)
        self.grids = grids

    def split_arguments(  # type: ignore[override]  # of the class in Hydra, of the instance here
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """The jobs, in batches for the launcher."""
        from nnrep.sweep.grids import grid_points

        assert self.hydra_context is not None
        lines = [override.input_line or "" for override in overrides]
        jobs = grid_points(self.grids, lines, self.hydra_context.config_loader)
        return list(BasicSweeper.split_overrides_to_chunks(jobs, max_batch_size))
