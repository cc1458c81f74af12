"""What a caller is told on the way."""

from typing import NamedTuple


class Progress(NamedTuple):
    """What a caller is told after every chunk.

    Attributes:
        stage: its name, such as "coarse" or "fine".
        steps: steps of all replicas so far, all stages together.
        steps_limit: the most there can be.
        running: replicas of this stage that have not stopped.
        energy: lowest loss that a replica of this stage has seen.
    """

    stage: str
    steps: int
    steps_limit: int
    running: int
    energy: float
