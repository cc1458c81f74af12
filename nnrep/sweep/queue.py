"""Which task comes next."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from nnrep.sweep.settings import Setting


class Task(NamedTuple):
    """Some seeds of a setting, run in one call; without seeds, its slow modes."""

    setting: Setting
    seeds: tuple[int, ...]


class Queue:
    """Tasks in groups of one shape: a slot stays with what its worker has compiled while there is some."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Group the tasks, each group in order."""
        self._groups: dict[str, deque[Task]] = {}
        for task in tasks:
            self._groups.setdefault(task.setting.shape, deque()).append(task)
        self._free = dict.fromkeys(self._groups)  # shapes that no slot is at, in order
        self._at: dict[int, str] = {}  # slot -> shape

    def take(self, slot: int, most: int = 1) -> tuple[Task, ...]:
        """The next tasks of a slot, of one shape; none if there are no more.

        They are of its own group, else of one that no slot is at, else of the longest.

        Args:
            slot: any number.
            most: runs of the tasks together; a task without seeds counts as a run.
        """
        if not self._groups:
            return ()
        shape = self._at.get(slot)
        if shape not in self._groups:
            shape = next(iter(self._free), None) or max(
                self._groups, key=lambda name: len(self._groups[name])
            )
            self._free.pop(shape, None)
            self._at[slot] = shape
        group, runs = self._groups[shape], 0
        taken: list[Task] = []
        while group and (not taken or runs + (len(group[0].seeds) or 1) <= most):
            taken.append(group.popleft())
            runs += len(taken[-1].seeds) or 1
        if not group:
            del self._groups[shape]
        return tuple(taken)

    def _length(self, shape: str) -> int:
        return len(self._groups[shape])
