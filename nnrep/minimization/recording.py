"""What is kept of a minimisation on its way: a row a check, and frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnrep.minimization.frames import FrameRecorder
from nnrep.minimization.history import History
from nnrep.minimization.loop import Trace
from nnrep.minimization.stage_run import StageRun
from nnrep.minimization.stopping import Status
from nnrep.minimization.times import Times


class Recording:
    """History and frames of all replicas.

    Attributes:
        history: a row a check.
        frames: configurations.
    """

    def __init__(
        self, measures: Sequence[str], seeds: tuple[int, ...], record_every: int | None, particles: int
    ) -> None:
        """Nothing yet, of these seeds and so many particles; `measures` are columns of the history."""
        self._seeds, self._particles = seeds, particles
        self.history, self.frames = History(measures, seeds), FrameRecorder(record_every)

    def add_checks(
        self,
        stage: StageRun,
        group: int,
        members: np.ndarray,
        trace: Trace,
        before: np.ndarray,
        steps_before: np.ndarray,
        elapsed: float,
        times: Times,
    ) -> None:
        """Add a chunk's checks to the history; each replica of the batch is charged by its steps.

        Args:
            stage: under way.
            group: the batch.
            members: (m,) its replicas.
            trace: what its checks saw.
            before: (m,) steps of the stage before the chunk.
            steps_before: (m,) steps of earlier stages.
            elapsed: seconds of the chunk.
            times: charged for them.
        """
        taken = stage.values_of(group, "step") - before
        seconds_per_step = elapsed / max(1, taken.sum())
        steps = np.asarray(trace.step)
        place, check = np.nonzero(steps >= 0)
        step, member = steps[place, check], members[place]
        values = [trace.loss, trace.gradient_norm, *trace.measures.values()]
        self.history.add(
            (
                np.asarray(self._seeds)[member],
                np.full(len(step), stage.stage.name),
                steps_before[place] + step,
                times.minimize_s[member] + (step - before[place]) * seconds_per_step,
                *(np.asarray(each)[place, check] for each in values),
            )
        )
        times.minimize_s[members] += taken * seconds_per_step

    def add_frames(
        self, stage: StageRun, group: int, members: np.ndarray, before: np.ndarray, steps_before: np.ndarray
    ) -> None:
        """Keep the frames that a chunk has reached: at every so many steps, and where a replica stopped."""
        after, status = (stage.values_of(group, name) for name in ("step", "status"))
        stopped = status != Status.running
        for place in map(int, np.flatnonzero(after > before)):
            if self.frames.is_due(after[place]) or (self.frames.every and stopped[place]):
                step = int(steps_before[place] + after[place])
                positions = stage.positions_of(group, place)[: self._particles]
                self.frames.keep(self._seeds[members[place]], step, positions)

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays and lists of arrays."""
        return {"history": self.history.snapshot(), **self.frames.snapshot()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        self.history.restore(snapshot["history"])
        self.frames.restore(snapshot)
