"""Python's own random numbers, which OpenMM draws where it adds hydrogens and water."""

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded_random(seed: int) -> Iterator[None]:
    """Python's random numbers follow from a seed inside, and go on outside as if nothing had been."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
