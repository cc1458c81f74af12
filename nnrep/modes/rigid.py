"""What of a mode only moves all particles together."""

import numpy as np


def rigid_share(
    vectors: np.ndarray, positions: np.ndarray, flat: bool, free: np.ndarray | None = None
) -> np.ndarray:
    """Share (k,) of each mode, from 0 to 1, that leaves all distances as they are, to first order.

    Args:
        vectors: (n, k) orthonormal modes of a Laplacian, of which the constant one is rigid; or (n d, k) of a
            Hessian, where translations and rotations are.
        positions: (n, d).
        flat: whether the modes are of the Hessian.
        free: (m,) the particles that may move, if not all: a Laplacian's modes are of them alone.
    """
    motions = rigid_motions(positions) if flat else np.ones((len(positions), 1))
    if free is not None and not flat:
        motions = np.isin(np.arange(len(positions)), free)[:, None].astype(float)
    basis, sizes, _ = np.linalg.svd(motions, full_matrices=False)
    basis = basis[:, sizes > 1e-8 * sizes[0]]  # a line does not turn about itself
    return np.sum((basis.T @ vectors) ** 2, axis=0)


def rigid_motions(positions: np.ndarray) -> np.ndarray:
    """Translations and infinitesimal rotations (n d, d (d + 1) / 2) of positions (n, d)."""
    n, dim = positions.shape
    centred = positions - positions.mean(axis=0)
    centred = centred / (np.sqrt(np.mean(centred**2)) or 1.0)
    motions = [np.tile(axis, (n, 1)) for axis in np.eye(dim)]
    for a in range(dim):
        for b in range(a):
            turned = np.zeros_like(centred)
            turned[:, a], turned[:, b] = -centred[:, b], centred[:, a]
            motions.append(turned)
    return np.stack([motion.ravel() for motion in motions], axis=1)
