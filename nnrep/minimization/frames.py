"""Configurations that are kept on the way of a minimisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnrep.minimization.result import Frames


class FrameRecorder:
    """Keeps a frame every so many steps of a stage, or none."""

    def __init__(self, every: int | None) -> None:
        """Begin without frames; None keeps none."""
        self.every = every
        self._seeds: list[int] = []
        self._steps: list[int] = []
        self._positions: list[np.ndarray] = []

    def checks_ahead(self, steps: np.ndarray, check_every: int) -> int:
        """Most checks until the next frame of a batch, at least 1.

        Args:
            steps: (r,) of the stage, of its replicas that run: these stand at checks, stopped ones may not.
            check_every: steps between checks, of which `every` is a multiple.
        """
        if self.every is None:
            return 2**31 - 1
        return int(min(self.every - steps % self.every)) // check_every

    def is_due(self, step: int) -> bool:
        """Whether a frame belongs to this step of a stage."""
        return self.every is not None and step % self.every == 0

    def keep(self, seed: int, step: int, positions: np.ndarray) -> None:
        """Keep positions (n, d) of a seed, at a step from the run's start."""
        if self.every is not None:
            self._seeds.append(seed)
            self._steps.append(step)
            self._positions.append(np.asarray(positions))

    def all(self, seeds: Sequence[int]) -> Frames | None:
        """What was kept, in the order of the seeds and of the steps."""
        if self.every is None:
            return None
        place = {seed: index for index, seed in enumerate(seeds)}
        order = np.lexsort((self._steps, [place[seed] for seed in self._seeds]))
        return Frames(
            np.asarray(self._seeds)[order], np.asarray(self._steps)[order], np.stack(self._positions)[order]
        )

    def snapshot(self) -> dict[str, Any]:
        """What was kept, as arrays and lists of arrays."""
        return {
            "frame_seeds": np.asarray(self._seeds, int),
            "frame_steps": np.asarray(self._steps, int),
            "frame_positions": self._positions,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from what was kept before."""
        self._seeds = snapshot["frame_seeds"].tolist()
        self._steps = snapshot["frame_steps"].tolist()
        self._positions = list(snapshot["frame_positions"])
