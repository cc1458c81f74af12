"""Which work comes next."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:  # with it comes JAX, which the command of a sweep of jobs does not need
    from nnrep.sweep.settings import Setting


class Queued(Protocol):
    """What can be queued.

    Attributes:
        shape: equal for what shares compiled programs.
        runs: how many it counts as.
    """

    @property
    def shape(self) -> str:
        """See above."""
        ...

    @property
    def runs(self) -> int:
        """See above."""
        ...


Q = TypeVar("Q", bound=Queued)


class Task(NamedTuple):
    """Some seeds of a setting, run in one call; without seeds, its slow modes."""

    setting: "Setting"
    seeds: tuple[int, ...]

    @property
    def shape(self) -> str:
        """That of the setting."""
        return self.setting.shape

    @property
    def runs(self) -> int:
        """As many as there are seeds; slow modes count as one."""
        return len(self.seeds) or 1


class Queue(Generic[Q]):
    """Items in groups of one shape: a slot stays with what its worker has compiled while there is some."""

    def __init__(self, items: Iterable[Q]) -> None:
        """Group the items, each group in order."""
        self._groups: dict[str, deque[Q]] = {}
        self.runs = 0
        for item in items:
            self._groups.setdefault(item.shape, deque()).append(item)
            self.runs += item.runs
        self._free = deque(self._groups)  # shapes that no slot has been at, in order
        self._at: dict[int, str] = {}  # slot -> shape

    def take(self, slot: int, most: int = 1) -> tuple[Q, ...]:
        """The next items of a slot, of one shape; none if there are no more.

        They are of its own group, else of one that no slot is at, else of the longest.

        Args:
            slot: any number.
            most: runs of the items together; a single item may have more.
        """
        if not self._groups:
            return ()
        shape = self._at.get(slot)
        if shape not in self._groups:
            shape = self._free.popleft() if self._free else max(self._groups, key=self._length)
            self._at[slot] = shape
        group, runs = self._groups[shape], 0
        taken: list[Q] = []
        while group and (not taken or runs + group[0].runs <= most):
            taken.append(group.popleft())
            runs += taken[-1].runs
        if not group:
            del self._groups[shape]
        return tuple(taken)

    def _length(self, shape: str) -> int:
        return len(self._groups[shape])


def chunk_size(most: int, runs: int, workers: int) -> int:
    """Runs of a chunk: at most so many, and fewer where some workers would have none otherwise."""
    return max(1, min(most, -(-runs // workers)))
