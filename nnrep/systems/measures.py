"""What one wants to know of positions beside their energy."""

import numpy as np

from nnrep.systems.system import Contacts


def satisfied_fraction(contacts: Contacts | None, positions: np.ndarray, tolerance: float = 0.1) -> float:
    """Share of contacts whose distance is within a tolerance (10 %) of its ideal; NaN if there are none.

    Args:
        contacts: pairs and their ideal distance.
        positions: (n, d).
        tolerance: relative to the ideal distance.
    """
    if contacts is None or len(contacts.pairs) == 0:
        return float("nan")
    first, second = contacts.pairs.T
    distances = np.linalg.norm(positions[first] - positions[second], axis=1)
    return float(np.mean(abs(distances - contacts.length) <= tolerance * contacts.length))
