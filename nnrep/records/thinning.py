"""Some of many: rows, points or frames that stand for all of them."""

import numpy as np


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Places (k,) of at most so many of `count`, evenly spaced, with the first and the last one."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(int)
