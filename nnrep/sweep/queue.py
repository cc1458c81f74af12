"""Which task a worker takes next."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from nnrep.sweep.settings import Setting


class Task(NamedTuple):
    """Some seeds of a setting, run in one call."""

    setting: Setting
    seeds: tuple[int, ...]


class Queue:
    """Tasks in groups of one shape: a worker stays with what it has compiled as long as there is some."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Group the tasks, each group in order."""
        self._groups: dict[str, deque[Task]] = {}
        for task in tasks:
            self._groups.setdefault(task.setting.shape, deque()).append(task)
        self._at: dict[int, str] = {}  # worker -> shape

    def take(self, worker: int) -> Task | None:
        """The next task of a worker: of its own group, else of one that no one is at, else of the longest."""
        if not self._groups:
            return None
        shape = self._at.get(worker)
        if shape not in self._groups:
            taken = set(self._at.values())
            free = [name for name in self._groups if name not in taken]
            shape = free[0] if free else max(self._groups, key=lambda name: len(self._groups[name]))
        self._at[worker] = shape
        task = self._groups[shape].popleft()
        if not self._groups[shape]:
            del self._groups[shape]
        return task
