"""The spectral map: all modes at once, X = Psi S Z with S_i = (lambda_i / lambda_max + shift)^(-power).

At power 1/2 and with the Hessian's own modes, gradient steps in Z are Newton's steps in X, but for the shift:
any optimiser through the map is preconditioned by modes. Unlike in coarse-graining no direction is lost.
"""

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import require
from nnrep.modes.assembled import hessian_of
from nnrep.modes.filters import dense_filter, filter_values, spectral_filter
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Anchored, Reparametrization, scale_to
from nnrep.systems.system import System

SHIFT, POWER = 0.1, 0.5


def spectral(
    matrix: scipy.sparse.csr_array | SlowModes,
    shift: float = SHIFT,
    power: float = POWER,
    *,
    smooth_start: bool = False,
) -> Reparametrization:
    """X = S(L) Z with Z (n, d) and S(L) = Psi diag(S_i) Psi^T; starts at Z = S^-1 X0, which gives X0 back.

    Z is in the particles' basis, Psi^T Z in that of the modes: S is symmetric, and needs no modes where the
    matrix is large, see `spectral_filter`. Of modes of the Hessian, X = X0 + Psi S Z with Z (n d,) in the
    basis of the modes, and |lambda| in the place of lambda; starts at zero.

    Args:
        matrix: a Laplacian (n, n); or all of its modes, or of the Hessian's.
        shift: of the relative eigenvalues.
        power: how strongly slow modes come first; with the default all modes move at even speed down an
            energy whose Hessian the matrix is. 2 and a small shift leave little but the slow modes.
        smooth_start: start at Z = c X0 instead, that is from what the map leaves of X0, with its spread.

    Raises:
        ConfigError: a number out of range, or not all modes.
    """
    check_spectrum(shift, power)
    if isinstance(matrix, SlowModes):
        count, size = matrix.values.size, len(matrix.vectors)
        require(count == size, "modes", f"all {size} modes for a spectral map", count)
        values = abs(np.asarray(matrix.values, np.float64))
        scales = jnp.asarray(filter_values(values / (values.max() or 1.0), shift, power), float)
        if matrix.of == "hessian":
            require(not smooth_start, "smooth_start", "false with modes of the Hessian", smooth_start)
            return Reparametrization(Partial(_at_rest, matrix.vectors, scales), Partial(_displaced))
        forward, backward, _ = dense_filter(np.asarray(matrix.vectors, np.float64), scales)
    else:
        forward, backward, _ = spectral_filter(matrix, shift, power)
    init = Partial(_smooth, forward) if smooth_start else Partial(_exact, backward)
    return Reparametrization(init, forward)


def spectral_at_start(system: System, shift: float = SHIFT, power: float = POWER) -> Reparametrization:
    """X = X0 + Psi S Z with the modes of the Hessian at X0, where a stage begins: each replica has its own.

    Args:
        system: whose exact energy's Hessian it is.
        shift: relative to the largest |lambda|.
        power: see `spectral`.

    Raises:
        ConfigError: a number out of range.
        UserError: the Hessian would be too large.
    """
    check_spectrum(shift, power)
    numbers = (jnp.asarray(shift, float), jnp.asarray(power, float))
    return Reparametrization(Partial(_modes_here, hessian_of(system), *numbers), Partial(_displaced))


def check_spectrum(shift: float, power: float) -> None:
    """Raise `ConfigError` for numbers of which there is no map."""
    require(0 < shift < np.inf, "shift", "positive", shift)
    require(0 < power <= 8, "power", "above 0 and at most 8", power)


def _exact(backward: Partial, key: Array, positions: Array) -> Array:
    return backward(positions)


def _smooth(forward: Partial, key: Array, positions: Array) -> Array:
    return positions * scale_to(positions, forward(positions))


def _at_rest(vectors: Array, scales: Array, key: Array, positions: Array) -> Anchored:
    return Anchored(jnp.zeros(len(scales), positions.dtype), held=(positions, vectors, scales))


def _modes_here(hessian: Partial, shift: Array, power: Array, key: Array, positions: Array) -> Anchored:
    values, vectors = jnp.linalg.eigh(hessian(positions))
    values = abs(values)
    scales = (values / jnp.max(values) + shift) ** -power
    return _at_rest(vectors, scales, key, positions)


def _displaced(params: Anchored) -> Array:
    origin, vectors, scales = params.held
    return origin + (vectors @ (scales * params.moved)).reshape(origin.shape)
