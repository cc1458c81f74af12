"""What must hold of the attributes of a `System`, before anything is traced."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.errors import AsCode, ConfigError, check_call, is_integer, require, require_kind
from nnrep.host.stored import stored

# Functions of a system, and what they are called with.
FUNCTIONS = {
    "energy": ("positions (n, d)",),
    "energy_sample": ("positions (n, d)", "key"),
    "draw_start": ("key",),
    "draw_configuration": ("key", "t"),
    "energy_terms": ("positions (n, d)",),
    "measure": ("positions (n, d)",),
}
COUNTS = {"sample_epoch": 1, "runs_per_start": 1, "hessian_samples": 1, "dummies": 0}  # and the least of each


def finite_positions(positions: Any, key: str = "positions") -> np.ndarray:
    """Positions (n, d) as an array.

    Raises:
        ConfigError: naming the key: they are no real numbers of this shape, or not finite.
    """
    allowed = "real numbers of shape (n, d)"
    try:
        given = np.asarray(positions)
        require(given.dtype.kind in "biuf" or given.dtype.name == "bfloat16", key, allowed, AsCode(positions))
    except ValueError as error:  # rows of several lengths
        raise ConfigError(key, f"must be {allowed}, got {AsCode(positions)}") from error
    require(given.ndim == 2 and given.size > 0, key, allowed, f"shape {given.shape}")
    finite = np.isfinite(given.astype(float)).all(axis=1)
    require(bool(finite.all()), key, "finite", f"NaN or infinity in row {np.argmin(finite)}")
    return given.astype(float)


def check_attributes(system: Any) -> None:
    """Check names, counts and arrays of a system whose positions are known to be good.

    Raises:
        ConfigError: naming the attribute.
    """
    for name in ("name", "energy_unit", "length_unit"):
        require_kind(getattr(system, name), str, name, "text")
    for name, least in COUNTS.items():
        count = getattr(system, name)
        require(is_integer(count) and least <= count < 2**31, name, f"from {least} to 2^31 - 1", count)
    whole = len(system.positions)
    require(system.dummies < whole, "dummies", f"fewer than the {whole} positions", system.dummies)
    radius = system.container_radius
    require(radius is None or radius > 0, "container_radius", "positive, or None", radius)
    _check_edges_of(system)
    _check_contacts(system)
    _check_frozen(system)
    features = system.node_features
    if features is not None:
        usable = np.ndim(features) == 2 and len(features) == whole
        require(usable, "node_features", f"of shape ({whole}, f)", f"shape {np.shape(features)}")
    for name, shape in (("reference", system.positions.shape), ("masses", (system.n,))):
        given = getattr(system, name)
        require(
            given is None or np.shape(given) == shape, name, f"of shape {shape}", f"shape {np.shape(given)}"
        )


def _check_frozen(system: Any) -> None:
    if system.frozen is None:
        return
    frozen = np.asarray(system.frozen)
    usable = frozen.dtype == bool and frozen.shape == (system.n,)
    given = AsCode(system.frozen) if frozen.dtype != bool else f"shape {frozen.shape}"
    require(usable, "frozen", f"True or False for each of {system.n} particles, or None", given)
    require(not frozen.all(), "frozen", "such that a particle is left to move", f"all {system.n} particles")


def _check_contacts(system: Any) -> None:
    for name in ("bonds", "contacts"):
        kind = getattr(system, name)
        if kind is not None:
            check_edges(np.asarray(kind.pairs), system.n, f"{name}.pairs")
            length = kind.length
            positive = np.ndim(length) == 0 and 0 < length < np.inf
            require(positive, f"{name}.length", "a positive distance", AsCode(length))


def _check_edges_of(system: Any) -> None:
    edges, weights = np.asarray(system.edges), system.edge_weights
    check_edges(edges, system.n)
    one_each = weights is None or np.shape(weights) == edges.shape[:1]
    require(one_each, "edge_weights", f"of shape {edges.shape[:1]}", f"shape {np.shape(weights)}")


def check_edges(edges: np.ndarray, n: int, name: str = "edges") -> None:
    """Raise `ConfigError`, which names them, unless they are pairs (m, 2) of n particles, by index."""
    pairs = edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype.kind in "iu"
    require(pairs, name, "integers of shape (m, 2)", f"{edges.dtype} of shape {edges.shape}")
    inside = len(edges) == 0 or (edges.min() >= 0 and edges.max() < n)
    require(inside, name, f"particles from 0 to {n - 1}", AsCode(edges))


def check_function(name: str, function: Any, more: tuple[str, ...] = ()) -> None:
    """Raise `ConfigError` unless a function of a system can be called as it will be; None is for none.

    Args:
        name: of `FUNCTIONS`.
        function: what is given.
        more: arguments beside those that `FUNCTIONS` names.
    """
    if function is None and name != "energy":
        return
    check_call(name, function, *FUNCTIONS[name], *more)


def check_value(value: Any) -> None:
    """Raise `ConfigError` unless the shape of an energy's value is that of a real number."""
    shape = getattr(value, "shape", type(value).__name__)
    require(shape == (), "energy", "a scalar function of the positions", f"one of shape {shape}")
    real = jnp.issubdtype(getattr(value, "dtype", type(value)), jnp.floating)
    require(real, "energy", "a real function of the positions", f"one of type {value.dtype}")


def shape_of_value(energy: Callable[[Array], Array], positions: Array) -> Any:
    """Shape and type of an energy's value.

    Raises:
        ConfigError: it uses NumPy's functions instead of JAX's, or fails at positions of this shape.
    """
    try:
        return _value.shapes(energy, positions)
    except jax.errors.JAXTypeError as error:
        wanted = "written with jax.numpy, as it is differentiated and compiled"
        given = f"one that asks NumPy or Python for numbers ({_first_line(error)})"
        raise ConfigError("energy", f"must be {wanted}, got {given}") from error
    except (TypeError, ValueError) as error:
        reason = f"fails at positions of shape {positions.shape}: {_first_line(error)}"
        raise ConfigError("energy", reason) from error


@stored
def _value(energy: Callable[[Array], Array], positions: Array) -> Array:
    """Never compiled, but JAX remembers what it has traced: the next molecule of this shape is not traced."""
    return energy(positions)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def check_parameters(parameters: Any) -> None:
    """Raise `ConfigError` for a leaf of a pytree that is no number and no array of numbers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(parameters):
        kind = getattr(leaf, "dtype", None) or np.asarray(leaf).dtype
        usable = jnp.issubdtype(kind, np.number) or jnp.issubdtype(kind, np.bool_)
        key = f"parameters{jax.tree_util.keystr(path)}"
        require(usable, key, "a number or an array of numbers", AsCode(leaf))
