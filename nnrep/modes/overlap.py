"""How far two subspaces agree."""

from typing import NamedTuple

import numpy as np


class Agreement(NamedTuple):
    """Of two subspaces of k dimensions.

    Attributes:
        overlap: mean squared cosine of the principal angles: 1 where the subspaces are the same, k/n on
            average where one is random.
        largest_angle: in degrees.
    """

    overlap: float
    largest_angle: float


def agreement(a: np.ndarray, b: np.ndarray) -> Agreement:
    """Agreement of the spans of two matrices (n, k) with orthonormal columns."""
    cosines = np.clip(np.linalg.svd(a.T @ b, compute_uv=False), 0, 1)
    return Agreement(float(np.mean(cosines**2)), float(np.degrees(np.arccos(cosines[-1]))))
