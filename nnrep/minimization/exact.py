"""The exact energy of positions, evaluated afresh."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial


@jax.jit
def evaluate(energy: Partial, positions: Array, count: int) -> tuple[Array, Array]:
    """Exact energies (s,) and RMS gradient components (s,) of the first `count` of positions (s, n, d)."""

    def evaluate(replica: Array, values: tuple[Array, Array]) -> tuple[Array, Array]:
        energies, gradients = values
        value, gradient = jax.value_and_grad(energy)(positions[replica])
        rms = jnp.sqrt(jnp.mean(gradient**2))
        return energies.at[replica].set(value), gradients.at[replica].set(rms)

    nothing = jnp.full(len(positions), jnp.nan, positions.dtype)

    def evaluated() -> tuple[Array, Array]:
        return jax.lax.fori_loop(0, count, evaluate, (nothing, nothing))

    # Of a single replica the compiler takes the energy out of the loop, where a count of 0 has it too.
    return jax.lax.cond(count > 0, evaluated, lambda: (nothing, nothing))
