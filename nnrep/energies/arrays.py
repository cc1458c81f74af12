"""Numbers that NumPy has prepared, as JAX arrays.

`jnp.asarray` converts on the device, by a program for every shape; what is converted here compiles nothing.
"""

from typing import Any

import jax
import numpy as np

Numbers = Any  # an array: of NumPy's while parameters are prepared, of JAX's where they are used


def on_device(tree: Any) -> Any:
    """A pytree of NumPy arrays and numbers on the device: floating-point ones in the process's precision,
    integers in 32 bits; what is there already stays as it is."""
    return jax.tree.map(_on_device, tree)


def on_host(tree: Any) -> Any:
    """A pytree of arrays as NumPy arrays, so that what is made of them compiles nothing."""
    return jax.tree.map(np.asarray, tree)


def _on_device(values: Any) -> Any:
    if isinstance(values, jax.Array):
        return values
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating):
        return jax.device_put(array.astype(jax.dtypes.canonicalize_dtype(float)))
    if np.issubdtype(array.dtype, np.integer):
        return jax.device_put(array.astype(np.int32))
    return jax.device_put(array)
