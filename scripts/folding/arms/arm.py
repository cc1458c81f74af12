"""What an arm of the comparison is: a way to move the chain between quenches."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from nnrep.exploration.quench import Quenched


class Frame(NamedTuple):
    """A configuration to be quenched: positions (n, 3), and the temperature in K at which it was met."""

    temperature: float
    positions: np.ndarray


class Moved(NamedTuple):
    """What a move has cost, and where it has led.

    Attributes:
        evaluations: of energy or forces.
        ps: of dynamics, all replicas together.
        frames: to be quenched.
    """

    evaluations: int
    ps: float
    frames: Sequence[Frame]


class Walk(Protocol):
    """A search under way, of one seed."""

    def move(self) -> Moved:
        """Move on to the next quenches."""
        ...

    def quench(self, frame: Frame) -> Quenched:
        """The minimum below a frame."""
        ...


class Arm(Protocol):
    """A kind of search."""

    def begin(self, seed: int) -> Walk:
        """A search of this seed, at its start."""
        ...
