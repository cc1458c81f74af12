"""The host's side of a minimisation: stages in order, one chunk of steps at a time."""

import time
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from nnrep.errors import UserError
from nnrep.host.background import LeftError, interruptible
from nnrep.host.progress import Progress
from nnrep.minimization.attempts import Attempts, Outcomes, Restarts
from nnrep.minimization.batches import measured, without_key
from nnrep.minimization.exact import evaluate
from nnrep.minimization.fingerprint import Fingerprint, agree, numbers_of
from nnrep.minimization.groups import default_batch_size, grouped
from nnrep.minimization.history import measure_names
from nnrep.minimization.loop import CHECKS_PER_CHUNK, CHUNK_SECONDS, no_measures
from nnrep.minimization.monitor import Monitor
from nnrep.minimization.recording import Recording
from nnrep.minimization.result import Frames, Result
from nnrep.minimization.room import device_bytes
from nnrep.minimization.stage import Stage
from nnrep.minimization.stage_run import Objective, StageRun, Starts
from nnrep.minimization.stopping import Status
from nnrep.minimization.times import Times
from nnrep.systems.fused import is_no_minimum
from nnrep.systems.measures import has_failed
from nnrep.systems.system import System, as_partial

# That a chunk may go on once the run is to stop: of large systems it takes longer.
PATIENCE_SECONDS = 3.0
SETTLED = (Status.converged, Status.stalled)  # how a stage ends that has done what it could


class Run:
    """A minimisation under way; `minimize` drives it."""

    def __init__(
        self,
        system: System,
        stages: tuple[Stage, ...],
        seeds: tuple[int, ...],
        max_steps: int,
        *,
        restarts: Restarts | None = None,
        batch_size: int | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        """Compile the first stage and stand at its start; arguments as those of `minimize`."""
        self.system, self.stages, self.seeds, self.max_steps = system, stages, seeds, max_steps
        restarts, self.monitor = restarts or Restarts(), monitor or Monitor()
        self.objective = Objective(
            system.energy_sample or Partial(without_key, system.energy),
            system.measure or Partial(no_measures),
            system.n_free,
            system.particles,
            system.sample_epoch,
        )
        measures = measure_names(measured.shapes(as_partial(self.objective.measure), system.positions))
        self.recording = Recording(measures, seeds, self.monitor.record_every, system.n)
        size = batch_size or default_batch_size(len(seeds), partial(device_bytes, system, stages))
        self.groups = grouped(len(seeds), size)
        failed = partial(has_failed, system, min_contact_fraction=restarts.min_contact_fraction)
        self.attempts = Attempts(restarts, failed, len(seeds), system.positions)
        self.times = Times(len(seeds))
        self.positions_coarse: np.ndarray | None = None
        self.steps_before = np.zeros(len(seeds), int)  # of finished stages
        self.steps_coarse = np.zeros(len(seeds), int)  # of these, of stages but the last
        self.checks = 1
        starts = np.stack([system.start(seed) for seed in seeds])
        began = time.perf_counter()
        start_energy, _ = self._exact(starts[:1])  # compiles
        self.times.compile_s += time.perf_counter() - began
        numbers = numbers_of(stages, max_steps, restarts, self.monitor.record_every)
        self._fingerprint = Fingerprint(starts, start_energy, numbers)
        self._begin_stage(0, starts, np.full(len(seeds), Status.running))
        self.positions_start = self.stage.positions()
        self.energy_start, _ = self._exact(self.positions_start)
        for seed, positions in zip(seeds, self.positions_start, strict=True):
            self.recording.frames.keep(seed, 0, positions[: system.n])

    @property
    def broken_off(self) -> bool:
        """Whether the present stage's fit was to stop: there is nothing to keep of it, and no way on."""
        return self.stage.broken_off

    def advance(self) -> bool:
        """Run one chunk of one batch, or go to the next stage; False when there is nothing left to do."""
        running = self.stage.running()
        if not running:
            done = self.attempts.outcomes.done
            self._end(~done if self._in_last_stage() else self._done_early())
            if self.attempts.outcomes.done.all():
                return self._next_attempt()
            self._next_stage()
            return True
        group = running[0]
        began = time.perf_counter()
        before = self.stage.values_of(group, "step")
        every = self.stage.stage.stopping.check_every
        going = self.stage.values_of(group, "status") == Status.running
        checks = min(self.checks, self.recording.frames.checks_ahead(before[going], every))
        chunk = partial(self.stage.run, group, checks)
        try:
            after = interruptible(chunk, self.monitor.should_stop, PATIENCE_SECONDS)
        except LeftError:  # the run stands where the chunk began
            return True
        trace = self.stage.keep(group, *after)
        elapsed = time.perf_counter() - began
        members = np.arange(len(self.seeds))[self.groups.members[group]]
        steps_before = self.steps_before[members]
        self.recording.add_checks(
            self.stage, group, members, trace, before, steps_before, elapsed, self.times
        )
        self.recording.add_frames(self.stage, group, members, before, steps_before)
        growth = min(CHUNK_SECONDS / max(elapsed, 1e-6), 8)
        self.checks = int(np.clip(self.checks * growth, 1, CHECKS_PER_CHUNK))
        return True

    def progress(self) -> Progress:
        """Where the run stands."""
        steps, running = self.stage.values("step"), self.stage.values("status") == Status.running
        return Progress(
            stage=self.stage.stage.name,
            steps=int((self.steps_before + steps).sum()),
            steps_limit=self.max_steps * len(self.seeds),
            stage_steps=int(steps.sum()),
            stage_limit=int(np.where(running, self.stage.values("limit"), steps).sum()),
            running=int(np.sum(running)),
            energy=float(np.min(self.stage.values("lowest"))),
        )

    def result(self) -> Result:
        """The outcome; replicas that have not come to their end are interrupted."""
        steps = self.stage.values("step")
        coarse_only = not self._in_last_stage()
        outcomes = self.attempts.outcomes
        done = outcomes.done
        if not done.all():
            outcomes = outcomes.where(done, self._current())
        coarse = None if len(self.stages) == 1 else outcomes.coarse
        count = len(self.seeds)
        last_steps = self.steps_before - self.steps_coarse

        def placed(positions: np.ndarray) -> np.ndarray:
            return self.system.in_file_frame(positions[:, : self.system.n])

        return Result(
            seeds=self.seeds,
            status=tuple(map(self._status, outcomes.status, outcomes.energy, done)),
            positions=placed(outcomes.positions),
            positions_coarse=None if coarse is None else placed(coarse),
            positions_start=placed(self.positions_start),
            energy=outcomes.energy,
            energy_coarse=np.full(count, np.nan) if coarse is None else self._exact(coarse)[0],
            energy_start=self.energy_start,
            gradient_rms=outcomes.gradient_rms,
            steps_coarse=self.steps_coarse + (steps if coarse_only else 0),
            steps_fine=last_steps + (0 if coarse_only else steps),
            evaluations=self.steps_before + steps,
            history=self.recording.history.table(),
            frames=self._frames(),
            restarts=self.attempts.restarted,
            time_modes_s=self.times.modes_s,
            time_fit_s=self.times.fit_s,
            time_compile_s=np.full(count, self.times.compile_s / count),
            time_minimize_s=self.times.minimize_s,
            time_earlier_s=self.times.earlier_s,
            name=self.system.name,
            energy_unit=self.system.energy_unit,
            length_unit=self.system.length_unit,
            stages=tuple(stage.name for stage in self.stages),
        )

    def snapshot(self) -> dict[str, Any]:
        """All that changes while the run goes on, and what it must fit: arrays and lists of arrays."""
        return {
            "seeds": np.asarray(self.seeds),
            "stage_index": np.asarray(self.index),
            "replicas": jax.tree.leaves(self.stage.whole()),
            "positions_coarse": [] if self.positions_coarse is None else [self.positions_coarse],
            "steps_before": self.steps_before,
            "steps_coarse": self.steps_coarse,
            "standing": self.stage.positions_of(0, 0),
            **self._fingerprint.snapshot(),
            **self.attempts.snapshot(),
            **self.times.snapshot(),
            **self.recording.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot of a run with the same arguments.

        Raises:
            UserError: the snapshot is of another run.
        """
        _require_same(snapshot["seeds"].tolist() == list(self.seeds), "seeds")
        difference = self._fingerprint.difference(snapshot)
        _require_same(difference is None, difference)
        index, self.attempts.number = int(snapshot["stage_index"]), int(snapshot["attempt"])
        if 0 < index < len(self.stages) or self.attempts.number:
            # Of the shapes of that stage; what it holds is the snapshot's.
            positions, status = self.stage.positions(), self.stage.values("status")
            self._begin_stage(index, positions, status)
        mine, structure = jax.tree.flatten(self.stage.whole())
        theirs = snapshot["replicas"]
        same_leaves = [(x.shape, x.dtype) for x in mine] == [(x.shape, x.dtype) for x in theirs]
        _require_same(index == self.index and same_leaves, "sizes or stages")
        self.stage.set_whole(jax.tree.unflatten(structure, theirs))
        standing = self.stage.positions_of(0, 0)
        _require_same(agree(standing, snapshot["standing"]), "map")
        self.positions_coarse = next(iter(snapshot["positions_coarse"]), None)
        self.steps_before, self.steps_coarse = snapshot["steps_before"], snapshot["steps_coarse"]
        self.attempts.restore(snapshot)
        self.times.restore(snapshot)
        self.recording.restore(snapshot)

    def _begin_stage(self, index: int, positions: np.ndarray, status: np.ndarray) -> None:
        """A stage from positions (s, n, d)."""
        self.index, stage = index, self.stages[index]
        most = self.max_steps // 2 if stage.max_steps is None else stage.max_steps
        steps = np.minimum(most, self.max_steps - self.steps_before)
        self.stage = StageRun(
            stage,
            self.objective,
            self.seeds,
            self.groups,
            2 * (index + self.attempts.number * len(self.stages)),
            Starts(positions, status, self.attempts.outcomes.done, steps),
            self.times,
            self.monitor.should_stop,
        )

    def _next_stage(self) -> None:
        positions, status, steps = (
            self.stage.positions(),
            self.stage.values("status"),
            self.stage.values("step"),
        )
        self.positions_coarse = positions
        self.steps_before, self.steps_coarse = self.steps_before + steps, self.steps_coarse + steps
        status = np.where(self.attempts.outcomes.done, status, Status.running)
        self._begin_stage(self.index + 1, positions, status)

    def _done_early(self) -> np.ndarray:
        """Replicas (s,) that no later stage would move: diverged, out of steps, or at rest by all rules."""
        status, active = self.stage.values("status"), ~self.attempts.outcomes.done
        diverged, settled = active & (status == Status.diverged), active & np.isin(status, SETTLED)
        out_of_steps = active & (self.steps_before + self.stage.values("step") >= self.max_steps)
        ended = diverged | out_of_steps
        wanted = self._wanted_force()
        if wanted == 0 or not settled.any():
            return ended
        return ended | (settled & (self._exact(self.stage.positions())[1] < wanted))

    def _end(self, which: np.ndarray) -> None:
        """Keep where some replicas (s,) are as their outcomes."""
        if which.any():
            self.attempts.end(which, self._current())

    def _current(self) -> Outcomes:
        """Where all replicas are; before the last stage, that is where the stage before it ends, too."""
        positions = self.stage.positions()
        coarse = self.positions_coarse if self._in_last_stage() else positions
        coarse = np.full_like(positions, np.nan) if coarse is None else coarse
        none = np.zeros(len(positions), bool)
        energy, gradient_rms = self._exact(positions)
        status = np.where(
            self._fallen_together(positions, energy), Status.diverged, self._ended_as(gradient_rms)
        )
        return Outcomes(none, positions, energy, gradient_rms, status, coarse)

    def _fallen_together(self, positions: np.ndarray, energy: np.ndarray) -> np.ndarray:
        """Which replicas (s,) have ended with atoms in one place, far down; atoms that overlap as yet, on the
        way from a bad start, are high up."""
        far_down = (self.stage.values("status") != Status.running) & (energy < 0)
        of_both = zip(far_down, positions[:, : self.system.n], strict=True)
        return np.array([low and is_no_minimum(self.system, replica) for low, replica in of_both])

    def _wanted_force(self) -> float:
        """RMS force below which a replica has converged: the least that is asked for from here on."""
        to_come = self.stages[self.index :] if self._in_last_stage() else self.stages[self.index + 1 :]
        return float(min(stage.stopping.rms_force for stage in to_come))

    def _ended_as(self, gradient_rms: np.ndarray) -> np.ndarray:
        """Codes (s,) of how replicas end that end here, with exact RMS forces (s,)."""
        stage, status = self.stage.stage, self.stage.values("status")
        at_rest = np.isin(status, SETTLED) & (gradient_rms < self._wanted_force())
        if self._in_last_stage():
            # The run's own limit is none of the stage's, though as a default it may stand there.
            length = stage.fixed_length
            whole = length < self.max_steps and self.stage.values("step") >= length
            status = np.where((status == Status.step_limit) & whole, Status.finished, status)
        else:  # the run has no steps left for what was to come
            status = np.where(np.isin(status, SETTLED), Status.step_limit, status)
        return np.where(at_rest, Status.converged, status)

    def _next_attempt(self) -> bool:
        """Restart what has failed, or return False."""
        used = self.steps_before + self.stage.values("step")
        anew = self.attempts.begin_next(used < self.max_steps)
        if not anew.any():
            return False
        self.steps_coarse = self.steps_coarse + (0 if self._in_last_stage() else used - self.steps_before)
        self.steps_before = used
        starts = [
            self.system.start(seed, self.attempts.number) if begun else final
            for seed, begun, final in zip(self.seeds, anew, self.attempts.outcomes.positions, strict=True)
        ]
        self._begin_stage(0, np.stack(starts), np.where(anew, Status.running, Status.converged))
        return True

    def _status(self, code: int, energy: float, done: bool) -> Status:
        status = Status(int(code))
        if status is Status.diverged or not np.isfinite(energy):
            return Status.diverged
        done = done or (status is not Status.running and self._in_last_stage())
        return status if done else Status.interrupted

    def _frames(self) -> Frames | None:
        frames = self.recording.frames.all(self.seeds)
        if frames is None:
            return None
        placed = self.system.in_file_frame(frames.positions)  # to be looked at: as precise as they were kept
        return frames._replace(positions=placed.astype(frames.positions.dtype, copy=False))

    def _in_last_stage(self) -> bool:
        return self.index + 1 == len(self.stages)

    def _exact(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = [evaluate(self.system, replica) for replica in positions]
        energy, gradient_rms = (np.stack(each) for each in zip(*values, strict=True))
        return energy, gradient_rms


def _require_same(same: bool, what: str | None) -> None:
    """Raise `UserError` unless a checkpoint has the same of something."""
    if not same:
        raise UserError(f"the checkpoint is of another run, with other {what}")
