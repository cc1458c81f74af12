"""`Search`: the ladders of a search, which of them goes on next, and when all have come to an end.

It is told of starts and rounds as they end, in whatever order and process they were computed.
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from nnrep.errors import UserError
from nnrep.exploration.fingerprint import Fingerprint
from nnrep.exploration.ladder import LadderRecord
from nnrep.exploration.minima import Same
from nnrep.exploration.round import Explorer, Order, Round, Start
from nnrep.exploration.settings import ExploreConfig
from nnrep.exploration.shape import Shape
from nnrep.host.progress import Progress
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint

CHECKPOINT_SECONDS = 10.0  # how much work a killed search loses


class Ended(Enum):
    """Why a search has ended; `diverged`: a replica of each of its ladders has flown apart."""

    steps = "steps"
    patience = "patience"
    time_limit = "time_limit"
    diverged = "diverged"
    interrupted = "interrupted"


class Search:
    """A search under way.

    Attributes:
        ladders: by seed.
        counted: steps of the ladders since it began or went on, those of rounds under way included.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        temperatures: tuple[float, ...],
        shape: Shape,
        same: Same,
        min_delta: float,
        config: ExploreConfig,
        checkpoint: Path | None = None,
        fingerprint: Fingerprint | None = None,
    ) -> None:
        """Stand at the start, or where the checkpoint has been written.

        Args:
            seeds: of the ladders.
            temperatures: of their rungs.
            shape: what is said of minima.
            same: when two minima count as one.
            min_delta: fall of the lowest energy that counts for patience.
            config: limits and lengths.
            checkpoint: file that keeps where the search stands; None keeps nothing.
            fingerprint: of the search, to be compared with that of the checkpoint; None compares seeds alone.

        Raises:
            UserError: the checkpoint cannot be read, or is of another search.
        """
        self.temperatures, self.shape, self.same, self.config = temperatures, shape, same, config
        self._min_delta, self._fingerprint = min_delta, fingerprint
        self.ladders = {seed: LadderRecord(seed, same, config.most_minima) for seed in seeds}
        self._idle = list(seeds)
        self._checkpoint, self._earlier_s, self._saved = checkpoint, 0.0, -np.inf
        if checkpoint is not None and checkpoint.exists():
            self._restore(checkpoint)
        self._began = time.perf_counter()
        self._steps_before = self._steps
        self.counted = 0

    @property
    def time_s(self) -> float:
        """Seconds of the search, those before an interruption included."""
        return self._earlier_s + time.perf_counter() - self._began

    @property
    def lowest(self) -> float:
        """The lowest energy of all ladders; infinite before there is one."""
        return min(ladder.lowest for ladder in self.ladders.values())

    @property
    def _steps(self) -> int:
        return sum(ladder.step for ladder in self.ladders.values())

    @property
    def quenches(self) -> int:
        """How many have been taken in."""
        return sum(len(ladder.rows) for ladder in self.ladders.values())

    def next_order(self) -> Order | None:
        """What to compute next; None while all ladders have something, or once the search has ended."""
        waiting = [seed for seed in self._idle if not self._is_done(self.ladders[seed])]
        if not waiting or self.ended() is not None:
            return None
        seed = min(waiting, key=lambda each: (self.ladders[each].step, self.ladders[each].state is not None))
        self._idle.remove(seed)
        return Order(seed, self.ladders[seed].state)

    def take(self, order: Order, came: Start | Round | None) -> None:
        """Take in what came of an order; nothing where it was to stop."""
        self._idle.append(order.seed)
        ladder = self.ladders[order.seed]
        if isinstance(came, Start):
            ladder.begin(came, self.shape, self.time_s)
        elif came is not None:
            ladder.take(came, self.temperatures, self.shape, self.time_s)
        if time.perf_counter() > self._saved + CHECKPOINT_SECONDS:
            self.save()

    def ended(self) -> Ended | None:
        """Why the search is at its end; None if it is not."""
        config, ladders = self.config, self.ladders.values()
        if all(ladder.diverged for ladder in ladders):
            return Ended.diverged
        if all(map(self._is_done, ladders)):
            return Ended.steps
        if config.time_limit_s is not None and self.time_s >= config.time_limit_s:
            return Ended.time_limit
        if config.patience is not None and self._waited() >= config.patience:
            return Ended.patience
        return None

    def _waited(self) -> int:
        """Steps of each ladder since the lowest energy of all has last fallen by more than `min_delta`.

        What ladders that are ahead have met since counts later, so that it does not matter for the end of the
        search how far they are; what they have met is kept.
        """
        now = min(ladder.step for ladder in self.ladders.values() if not ladder.diverged)
        lows = (low for ladder in self.ladders.values() for low in ladder.lows if low.step <= now)
        fell_at, fell_to = 0, np.inf
        for step, energy in sorted(lows):
            if energy < fell_to - self._min_delta:
                fell_at, fell_to = step, energy
        return now - fell_at

    def _is_done(self, ladder: LadderRecord) -> bool:
        return ladder.diverged or ladder.step >= self.config.last_step

    def progress(self) -> Progress:
        """Where the search stands, for a bar."""
        steps = max(self._steps, self._steps_before + self.counted)
        running = sum(not self._is_done(ladder) for ladder in self.ladders.values())
        limit = 0 if self.config.steps is None else sum(map(self._most_steps, self.ladders.values()))
        return Progress("exploring", steps, limit, steps, limit, running, float(self.lowest))

    def _most_steps(self, ladder: LadderRecord) -> int:
        return ladder.step if ladder.diverged else self.config.last_step

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        if self._checkpoint is None:
            return
        arrays: dict[str, Any] = {"seeds": np.array(list(self.ladders)), "time_s": np.array(self.time_s)}
        arrays |= {} if self._fingerprint is None else self._fingerprint.snapshot()
        for seed, ladder in self.ladders.items():
            arrays |= {f"{seed}.{name}": value for name, value in ladder.snapshot().items()}
        save_checkpoint(self._checkpoint, arrays)
        self._saved = time.perf_counter()

    def _difference(self, arrays: dict[str, Any]) -> str | None:
        """What a checkpoint has otherwise, in words; None where it is of this search."""
        if arrays.get("seeds", np.zeros(0)).tolist() != list(self.ladders):
            return "seeds"
        return None if self._fingerprint is None else self._fingerprint.difference(arrays)

    def _restore(self, checkpoint: Path) -> None:
        arrays = load_checkpoint(checkpoint)
        try:
            difference = self._difference(arrays)
            if difference is None:
                self._earlier_s = float(arrays["time_s"])
                for seed, ladder in self.ladders.items():
                    own = f"{seed}."
                    ladder.restore(
                        {name.removeprefix(own): x for name, x in arrays.items() if name.startswith(own)}
                    )
        except (KeyError, ValueError, TypeError) as error:
            other = "" if self._fingerprint is None else ", or one of the command line"
            reason = f"is no checkpoint of this version{other}"
            raise UserError(f"{checkpoint}: {reason}; remove it to start again") from error
        if difference is not None:
            reason = f"is of another search, with other {difference}"
            raise UserError(f"{checkpoint}: {reason}; remove it to start again")


def kept_search(seeds: Sequence[int], min_delta: float, config: ExploreConfig, checkpoint: Path) -> Search:
    """A search as its checkpoint has it, to be asked where it stands: it knows no system, and takes in
    nothing.

    Raises:
        UserError: the checkpoint cannot be read, or is of another search.
    """
    anything = Same(np.zeros(0, int), None, None)
    return Search(seeds, (), Shape({}, None, np.zeros(0), 1.0), anything, min_delta, config, checkpoint)


def searched(
    search: Search,
    explorer: Explorer,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Progress], None],
) -> Ended:
    """Run a search to its end in this process, its ladders by turns; why it has ended."""

    def follow(steps: int) -> None:
        search.counted += steps
        on_progress(search.progress())

    while not should_stop() and (order := search.next_order()) is not None:
        search.take(order, explorer.computed(order, should_stop, follow))
        on_progress(search.progress())
    search.save()
    return search.ended() or Ended.interrupted
