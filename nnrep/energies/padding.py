"""Parameters of molecules in few sizes, so that the next molecule finds the programs of one before it.

A padded molecule has further particles, on which nothing acts, and further terms of zero strength. These
repeat the first term that there is, on its particles, so that they are as finite as it is.
"""

import numpy as np

# Counts of bonded terms for each particle: what proteins have at most, but for the odd one, whose counts are
# then padded for themselves.
BONDS, ANGLES, PLANES, TORSIONS = 1.04, 1.88, 2.1, 2.42
SMALLEST_STEP = 8  # from size to size


def padded_size(count: int) -> int:
    """The least of the sizes that is at least as large: multiples of a power of two, 6 % apart at most.

    `scripts/bench_energy` shows what a step takes longer for it.
    """
    step = max(SMALLEST_STEP, 1 << max(0, (count // 16).bit_length() - 1))
    return step * -(-count // step)


def padded_terms(count: int, share: float, particles: int) -> int:
    """How many terms of a kind a padded molecule has; none if it has none.

    Args:
        count: that there are.
        share: usual number for each particle.
        particles: padded number.
    """
    usual = int(np.ceil(share * particles))
    return 0 if count == 0 else usual if count <= usual else padded_size(count)


def repeated(values: np.ndarray, count: int) -> np.ndarray:
    """Values (m, ...) and the first of them again, (count, ...)."""
    return np.concatenate([values, np.repeat(values[:1], count - len(values), axis=0)])


def with_zeros(values: np.ndarray, *counts: int) -> np.ndarray:
    """Values with zeros behind them, so that the first axes have these lengths."""
    wanted = (*counts, *values.shape[len(counts) :])
    return np.pad(values, [(0, after - before) for after, before in zip(wanted, values.shape, strict=True)])
