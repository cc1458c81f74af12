"""Normal modes: lowest eigenvectors of the full Hessian, as at a minimum of the energy."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.errors import UserError, require
from nnrep.modes.eigensolvers import (
    RESIDUAL_TOLERANCE,
    Eigenpairs,
    Solver,
    checked,
    lowest_eigenpairs,
)
from nnrep.modes.free import free_coordinates
from nnrep.modes.hessian import dense_hessian, hessian_product
from nnrep.modes.lanczos import lanczos
from nnrep.modes.spectrum import SlowModes, as_modes
from nnrep.systems.system import System

# Beyond, the Hessian is never formed: n d products with it, and a dense eigensolver, take minutes.
MAX_DENSE_COORDINATES = 6000


def normal_modes(
    system: System,
    count: int | None,
    *,
    epsilon: float | None = None,
    solver: Solver = Solver.auto,
    max_products: int,
) -> SlowModes:
    """The lowest eigenpairs of the Hessian of the exact energy at the system's positions, without masses.

    At a minimum the six rigid motions (three in the plane) come first, with eigenvalue zero; elsewhere
    directions of negative curvature come before them. Computed in float64, from parameters as they are.

    Args:
        system: n particles.
        count: k, from 1 to n d, frozen particles left out, which are in no mode; None with epsilon.
        epsilon: all modes with lambda < epsilon^2 max lambda, negative ones as well, in place of a count.
        solver: dense or lanczos; auto is dense up to `MAX_DENSE_COORDINATES` coordinates.
        max_products: most products of Lanczos with the Hessian.

    Raises:
        UserError: the Hessian is not finite, a dense one is too large, or Lanczos has not converged.
        ConfigError: a solver that needs a sparse matrix, or epsilon where there is no dense Hessian.
    """
    size = system.n * system.positions.shape[1]  # the Hessian is formed before frozen particles are left out
    check_normal_solver(solver)
    if solver is Solver.auto:
        solver = Solver.dense if size <= MAX_DENSE_COORDINATES else Solver.lanczos
    own = not (system.coupling_terms or system.local_terms)
    with in_float64(forgetting=own):
        positions = jnp.asarray(np.asarray(system.positions), jnp.float64)
        if solver is Solver.dense or size <= MAX_DENSE_COORDINATES:
            pairs = _from_dense(system, positions, count, epsilon, solver, max_products)
        else:
            require(count is not None, "epsilon", f"null beyond {MAX_DENSE_COORDINATES} coordinates", epsilon)
            pairs = _from_products(system, positions, int(count or 1), max_products)
    return as_modes(pairs, pairs.values)._replace(of="hessian")


@contextmanager
def in_float64(forgetting: bool) -> Iterator[None]:
    """Compute in float64, whatever the precision of the process.

    Args:
        forgetting: JAX keeps the type that NumPy arrays captured by a function had when it was first traced,
            and fails when they are seen in another precision. Compiled programs are forgotten with it.
    """
    if jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        yield
        return
    try:
        if forgetting:
            jax.clear_caches()
        with jax.enable_x64(True):
            yield
    finally:
        if forgetting:
            jax.clear_caches()


def check_normal_solver(solver: Solver) -> None:
    """Raise `ConfigError` for a solver that cannot find normal modes."""
    allowed = "auto, dense or lanczos, as of=hessian has no sparse matrix"
    require(solver is not Solver.shift_invert, "solver", allowed, solver.value)


def _from_dense(
    system: System,
    positions: Array,
    count: int | None,
    epsilon: float | None,
    solver: Solver,
    max_products: int,
) -> Eigenpairs:
    size = system.n * positions.shape[1]
    if size > MAX_DENSE_COORDINATES:
        raise UserError(
            f"modes.solver: the dense Hessian of {system.n} particles would take "
            f"{size**2 * 8 / 1e9:.1f} GB; choose lanczos, or at most "
            f"{MAX_DENSE_COORDINATES // positions.shape[1]} particles"
        )
    moving = free_coordinates(system)  # none of frozen particles and dummies
    hessian = dense_hessian(system.energy, positions)[np.ix_(moving, moving)]
    if not np.all(np.isfinite(hessian)):
        raise UserError("system: the Hessian is not finite at the start; choose another start")
    matrix = scipy.sparse.csr_array(hessian)
    if count is None:
        values = np.linalg.eigvalsh(hessian)
        count = max(1, int(np.sum(values < (epsilon or 0.0) ** 2 * values[-1])))
    return lowest_eigenpairs(matrix, count, solver, max_products)


def _from_products(system: System, positions: Array, count: int, max_products: int) -> Eigenpairs:
    product = Partial(_flat_product, system.energy, positions, free_coordinates(system))
    size = system.n_free * positions.shape[1]
    pairs = lanczos(product, size, count, tolerance=RESIDUAL_TOLERANCE, max_products=max_products)

    def images(vectors: np.ndarray) -> np.ndarray:
        return np.asarray(jax.lax.map(product, jnp.asarray(vectors.T))).T

    return checked(pairs.values, pairs.vectors, images, pairs.largest, Solver.lanczos)


def _flat_product(energy: Partial, positions: Array, moving: np.ndarray, direction: Array) -> Array:
    """H u (m d,) of a direction (m d,) of some coordinates (m d,), those of particles that may move."""
    whole = jnp.zeros(positions.size, direction.dtype).at[moving].set(direction).reshape(positions.shape)
    return hessian_product(energy, positions, whole).ravel()[moving]
