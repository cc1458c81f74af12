"""When a stage ends."""

from enum import IntEnum
from typing import NamedTuple

from nnrep.errors import require


class Status(IntEnum):
    """How a replica stands."""

    running = 0
    converged = 1
    step_limit = 2
    diverged = 3
    interrupted = 4


class Stopping(NamedTuple):
    """Early stopping: `patience` checks in a row without an improvement of more than `min_delta`, or at rest.

    All numbers are traced.

    Attributes:
        min_delta: improvement of the lowest energy so far that counts, in the system's energy unit.
        patience: number of checks.
        check_every: steps from check to check.
        divergence: the replica has diverged when from one check to the next its extent has grown to
            more than this multiple (of at least one unit of length), or when anything is NaN or infinite.
        rms_force: root mean square of the forces' components on the particles at which the stage ends, at
            that very step, in the system's units (as OpenMM's minimiser has it); 0 for never.
    """

    min_delta: float = 1e-6
    patience: int = 20
    check_every: int = 20
    divergence: float = 1e3
    rms_force: float = 0.0

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        require(0 <= self.min_delta < float("inf"), "min_delta", "zero or positive", self.min_delta)
        counted = "from 1 to 2^31 - 1"
        require(1 <= self.patience < 2**31, "patience", counted, self.patience)
        require(1 <= self.check_every < 2**31, "check_every", counted, self.check_every)
        require(self.divergence > 1, "divergence", "above 1", self.divergence)
        require(0 <= self.rms_force < float("inf"), "rms_force", "zero (never) or positive", self.rms_force)
