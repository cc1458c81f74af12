"""`Engine`: the contract of what does the work of a sweep, and the settings that open one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, TypeVar

from nnrep.errors import require

T = TypeVar("T", covariant=True)


class Work(Protocol[T]):
    """Something that a worker does: a value that can be pickled, and called without arguments.

    Attributes:
        shape: equal for work that shares compiled programs.
    """

    @property
    def shape(self) -> str:
        """See above."""
        ...

    def __call__(self) -> T:
        """Do it, in the worker."""
        ...

    def parts(self) -> Sequence[Self]:
        """The work for other workers, as the first one was lost in it; in parts, as one may be at fault."""
        ...


class Engine(ABC):
    """Workers that are given work, and the way to stop them.

    Attributes:
        lost: errors of a future whose worker is gone; the work may be submitted once more.
        ahead: how much work there is for each worker; the second piece waits there while the first is done.
        has_devices: whether each worker has a device of its own, a GPU for one.
    """

    lost: ClassVar[tuple[type[BaseException], ...]] = ()
    ahead: ClassVar[int] = 2
    has_devices: bool = False

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many workers there are, or will be; it may grow as they join."""

    @property
    def slots(self) -> int:
        """How much work it is to have at a time."""
        return self.workers * self.ahead

    @abstractmethod
    def submit(self, work: Work[T]) -> "Future[T]":
        """Have some work done; at most `slots` of it at a time."""

    def why_lost(self, error: BaseException) -> str:
        """What may have become of a lost worker, in a few words, by the error of its future."""
        return "out of memory perhaps"

    def tend(self) -> None:
        """Begin anew what has been lost for good; called several times a second while there is work.

        Raises:
            UserError: it is lost again and again.
        """
        return

    @abstractmethod
    def cancel(self) -> None:
        """Drop what has not begun, and let what runs stop at its next check, with what it has."""

    @abstractmethod
    def close(self) -> None:
        """End the workers that are ours. Whatever still runs is stopped first."""


@dataclass(kw_only=True)
class EngineSettings(ABC):
    """What every engine is chosen by: the keys `engine.*`; each engine has a subclass.

    Attributes:
        name: of the engine.
        workers: how many; None leaves it to the engine.
        devices: in the place of workers, how many devices, each with a worker that has it alone; None gives
            workers none.
        chunk: most runs that a worker is sent at once; they share their programs.
    """

    name: str
    workers: int | None
    devices: int | None
    chunk: int

    on_this_machine: ClassVar[bool] = False  # all of its workers

    def __post_init__(self) -> None:
        """Check the values."""
        allowed = "a count from 1 on, or null"
        require(self.workers is None or self.workers >= 1, "workers", allowed, self.workers)
        require(self.devices is None or self.devices >= 1, "devices", allowed, self.devices)
        given = self.devices is None or self.workers is None
        require(given, "workers", "null, as each of devices has a worker", self.workers)
        require(self.chunk >= 1, "chunk", "at least 1", self.chunk)

    @abstractmethod
    def open(self, threads: int | None, most: int) -> Engine:
        """An engine at work.

        Args:
            threads: of a worker; None leaves them alone.
            most: so many workers have something to do.

        Raises:
            UserError: it cannot be had.
        """
