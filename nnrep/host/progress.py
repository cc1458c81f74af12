"""How far a minimisation is."""

from typing import NamedTuple


class Progress(NamedTuple):
    """How far a minimisation is, as its caller is informed after every chunk of steps.

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
