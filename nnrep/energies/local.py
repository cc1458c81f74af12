"""Energy terms of a few particles each: angles, torsions, anything local."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class LocalTerm(NamedTuple):
    """The energy ``sum_t f(x[particles_t], parameters_t)``.

    Attributes:
        particles: (m, p) particle indices, distinct within a term.
        parameters: pytree of arrays with a leading axis of m.
        potential: f, of positions (p, d) and one term's parameters: a scalar that does not change when all
            p particles are moved together; of a single particle (p = 1) any scalar.
        gradient: of f, in closed form, (p, d); None takes it from JAX. Second derivatives are those of its
            code: in closed form they are a fraction of the program.
    """

    particles: np.ndarray | Array
    parameters: Any
    potential: Callable[[Array, Any], Array]
    gradient: Callable[[Array, Any], Array] | None = None


def local_energy(term: LocalTerm, positions: Array) -> Array:
    """Sum of a term at positions (n, d): a scalar."""
    return jnp.sum(jax.vmap(term.potential)(positions[term.particles], term.parameters))


def local_energy_and_gradient(term: LocalTerm, positions: Array) -> tuple[Array, Array]:
    """Sum of a term at positions (n, d), and its gradient (n, d)."""
    gradient = term.gradient or jax.grad(term.potential)
    pulls = jax.vmap(gradient)(positions[term.particles], term.parameters)
    return local_energy(term, positions), jnp.zeros_like(positions).at[term.particles].add(pulls)


def local_hessians(term: LocalTerm, positions: Array) -> Array:
    """Hessians (m, p, d, p, d) of a term's summands at positions (n, d)."""
    gradient = term.gradient or jax.grad(term.potential)
    return jax.vmap(jax.jacfwd(gradient))(positions[term.particles], term.parameters)
