"""`reparam=cholesky`: X = X0 + L^-T Z, where L L^T = H / h + shift I is the Hessian where a stage begins.

A gradient step in Z is a Newton step in X, but for the shift. `reparam=spectral` at power 1/2 is the same map
with its inputs turned by H's modes, which take several times as long as a factor. Gradient descent and
L-BFGS, which know no axes, go the same way through both while H has no negative eigenvalue.
"""

from dataclasses import field
from itertools import pairwise
from math import inf

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular
from jax.tree_util import Partial

from nnrep.choices.identity import NOT_IN_HASH
from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.errors import is_number, require, require_kind
from nnrep.modes.assembled import TooLarge, hessian_of, is_too_large
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Anchored, Reparametrization
from nnrep.reparam.none import identity
from nnrep.reparam.settings import MapConfig
from nnrep.systems.settings import Size
from nnrep.systems.system import System

GROWTH = 4.0  # of a shift that leaves a negative eigenvalue
LARGEST_SHIFT = 2.0  # where no eigenvalue can be negative; what is not a number stays so, and ends the stage
# Of a triangular matrix in so many bands three eighths are left out, which are zero.
BANDS = 4
PRODUCTS = 20  # to find the largest eigenvalue, which is that of the stiffest bond


def cholesky_at_start(system: System, shift: float) -> Reparametrization:
    """X = X0 + L^-T Z with the Cholesky factor of the Hessian at X0, where a stage begins.

    Starts at Z = 0. Each replica has its own. The Hessian is that of the exact energy, relative to an
    estimate h of its largest eigenvalue. Z is (n d,).

    Args:
        system: whose.
        shift: added to the diagonal, and multiplied by four until no eigenvalue is negative.

    Raises:
        ConfigError: the shift is not positive.
        UserError: the Hessian would be too large.
    """
    require_kind(system, System, "system", "a nnrep.System")
    check_shift(shift)
    init = Partial(
        _factor_here, hessian_of(system, key="reparam.too_large", instead="none"), on_device(float(shift))
    )
    return Reparametrization(init, Partial(_displaced, on_device(True)))


def unfactored() -> Reparametrization:
    """X = Z with params of the same shapes: a stage of it shares the compiled loop of `cholesky_at_start`."""
    return Reparametrization(Partial(_unfactored_here), Partial(_displaced, on_device(False)))


def is_factored(reparam: Reparametrization) -> bool:
    """Whether the map is that of `cholesky_at_start`."""
    return getattr(reparam.init, "func", None) is _factor_here


def check_shift(shift: float) -> None:
    """Raise `ConfigError` unless the shift is positive and finite."""
    require(is_number(shift) and 0 < shift < inf, "shift", "positive", shift)


def _factor_here(hessian: Partial, shift: Array, key: Array, positions: Array) -> Anchored:
    matrix = hessian(positions)
    matrix = matrix / _largest_eigenvalue(matrix)
    unit = jnp.eye(len(matrix), dtype=matrix.dtype)

    def factor(shift: Array) -> tuple[Array, Array]:
        return shift, jnp.linalg.cholesky(matrix + shift * unit)

    _, lower = jax.lax.while_loop(
        lambda state: jnp.isnan(state[1][-1, -1]) & (state[0] < LARGEST_SHIFT),
        lambda state: factor(GROWTH * state[0]),
        factor(shift.astype(matrix.dtype)),
    )
    # Inverted once for all steps: a product takes a thirtieth of a triangular solution.
    held = (positions, *_rows_of_inverse(lower))
    return Anchored(jnp.zeros(len(matrix), positions.dtype), held)


def _rows_of_inverse(lower: Array) -> list[Array]:
    """The inverse of a lower triangular matrix in bands of rows, each as far as it is not zero."""
    above, bands = jnp.zeros((0, 0), lower.dtype), []
    for begin, end in _bands_of(len(lower)):
        product = lower[begin:end, :begin] @ above
        right = jnp.concatenate([-product, jnp.eye(end - begin, dtype=lower.dtype)], axis=1)
        bands.append(solve_triangular(lower[begin:end, begin:end], right, lower=True))
        above = jnp.concatenate([jnp.pad(above, ((0, 0), (0, end - begin))), bands[-1]])
    return bands


def _bands_of(size: int) -> list[tuple[int, int]]:
    """First row of each band, and the first one behind it."""
    edges = np.linspace(0, size, BANDS + 1).astype(int)
    return [(int(begin), int(end)) for begin, end in pairwise(edges)]


def _unfactored_here(key: Array, positions: Array) -> Anchored:
    bands = [jnp.zeros((end - begin, end), positions.dtype) for begin, end in _bands_of(positions.size)]
    return Anchored(positions.ravel(), (jnp.zeros_like(positions), *bands))


def _largest_eigenvalue(matrix: Array) -> Array:
    """The largest |eigenvalue|, up to some per cent too small, by powers of the matrix; 1 for zeros."""
    stiffest = jnp.argmax(jnp.diagonal(matrix))

    def product(_: int, vector: Array) -> Array:
        return matrix @ (vector / jnp.maximum(jnp.linalg.norm(vector), jnp.finfo(vector.dtype).tiny))

    value = jnp.linalg.norm(jax.lax.fori_loop(0, PRODUCTS, product, matrix[stiffest]))
    return jnp.where(value > 0, value, 1)


def _displaced(has_factor: Array, params: Anchored) -> Array:
    origin, *bands = params.held
    return origin + _turned(has_factor, bands, params.moved).reshape(origin.shape)


@jax.custom_vjp
def _turned(has_factor: Array, bands: list[Array], moved: Array) -> Array:
    """L^-T Z (m,) of inputs Z (m,), or these themselves where there is no factor.

    JAX's own gradient of the condition would copy the bands at every step.
    """
    return jax.lax.cond(has_factor, _product, lambda _, moved: moved, bands, moved)


def _turned_with_inputs(has_factor: Array, bands: list[Array], moved: Array) -> tuple[Array, tuple]:
    return _turned(has_factor, bands, moved), (has_factor, bands)


def _pulled_back(held: tuple, slope: Array) -> tuple[None, None, Array]:
    has_factor, bands = held
    return None, None, jax.lax.cond(has_factor, _transposed_product, lambda _, slope: slope, bands, slope)


_turned.defvjp(_turned_with_inputs, _pulled_back)


def _product(bands: list[Array], moved: Array) -> Array:
    turned = jnp.zeros_like(moved)
    for band in bands:
        width = band.shape[1]
        turned = turned.at[:width].add(moved[width - len(band) : width] @ band)
    return turned


def _transposed_product(bands: list[Array], slope: Array) -> Array:
    return jnp.concatenate([band @ slope[: band.shape[1]] for band in bands])


@settings("reparam/cholesky")
class CholeskyConfig(MapConfig):
    """`reparam=cholesky`: see `cholesky_at_start`.

    Attributes:
        shift: relative to the largest eigenvalue.
        too_large: what becomes of a system whose Hessian is too large to be formed: it is refused, or has no
            map.
    """

    shift: float
    too_large: TooLarge = field(metadata=NOT_IN_HASH)  # a run that is refused has no name

    color = "#0F204C"
    decomposes = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_shift(self.shift)
        super().__post_init__()

    def products(self, size: Size, modes: int) -> int:
        """L^-T Z in bands."""
        return (size.n * size.dim) ** 2 * (BANDS + 1) // (2 * BANDS)

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """Of the Hessian where the stage begins."""
        if self.too_large is TooLarge.none and is_too_large(system):
            return identity()
        return cholesky_at_start(system, self.shift)


CHOICE = CholeskyConfig
