"""A graph neural network whose convolution runs along slow modes, or along a given graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.errors import AsCode, chosen, is_integer, require, require_kind
from nnrep.modes.here import ModesHere
from nnrep.modes.slow import ModesOf
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Anchored, Params, Reparametrization, centre_of, scale_to
from nnrep.reparam.expansion import Expansion, expand, expansion, expansion_here, project
from nnrep.systems.checks import check_edges


class Activation(Enum):
    """Nonlinearity of the convolution layers."""

    tanh = "tanh"
    relu = "relu"
    silu = "silu"
    gelu = "gelu"
    identity = "identity"


class Residual(Enum):
    """What passes by a layer: nothing; latent and all layers, to the last one; its input, which its output is
    added to."""

    none = "none"
    concat = "concat"
    add = "add"


class Weights(Enum):
    """w of modes in A = Psi diag(w) Psi^T: 1, as figure 1 draws it, or kappa = psi^T F psi."""

    unit = "unit"
    expectation = "expectation"


_FUNCTIONS: dict[Activation, Callable[[Array], Array]] = {
    Activation.tanh: jnp.tanh,
    Activation.relu: jax.nn.relu,
    Activation.silu: jax.nn.silu,
    Activation.gelu: jax.nn.gelu,
    Activation.identity: lambda h: h,
}


class EdgeGraph(NamedTuple):
    """A graph by its directed edges.

    Attributes:
        senders: (m,) particle indices.
        receivers: (m,) particle indices.
        n: (1,) number of particles.
        self_weight: () weight of a particle for itself beside that of each neighbour; None: self-loops of
            weight 1, and all of it normalised symmetrically.
        weights: (m,) of the edges; None for 1 each.
    """

    senders: Array
    receivers: Array
    n: Array
    self_weight: Array | None = None
    weights: Array | None = None


def edge_graph(
    edges: np.ndarray, n: int, self_weight: float | None = None, weights: np.ndarray | None = None
) -> EdgeGraph:
    """The graph of n particles with undirected edges (m, 2), and their weights (m,); see `EdgeGraph`.

    Raises:
        ConfigError: edges are not pairs of these particles, self_weight is negative or infinite, or there is
            not one weight an edge.
    """
    check_self_weight(self_weight)
    require(is_integer(n) and n >= 1, "n", "at least 1", AsCode(n))
    edges = np.asarray(edges)
    check_edges(edges, n)
    first, second = edges.T
    both_ways = np.concatenate([first, second]), np.concatenate([second, first])
    own = None if self_weight is None else float(self_weight)
    if weights is not None:
        weights = np.asarray(weights, float)
        require(weights.shape == first.shape, "weights", f"of shape {first.shape}", weights.shape)
        weights = np.concatenate([weights, weights])
    return EdgeGraph(*on_device((*both_ways, np.array([n]), own, weights)))


def over_particles(modes: SlowModes, dim: int) -> SlowModes:
    """Modes (n, d k) of particles from modes (n d, k) of the Hessian, for a network over particles.

    A_ij = sum_m kappa_m psi_mi . psi_mj, with psi_mi the d coordinates of particle i in mode m: the trace of
    the (d, d) block of Psi diag(kappa) Psi^T, so that it does not depend on the orientation. It is the sum of
    d matrices of the usual kind, one for each coordinate. The vectors are not orthonormal.

    Args:
        modes: of the Hessian, whose weights kappa are its eigenvalues.
        dim: d.
    """
    vectors = np.asarray(modes.vectors)
    values, weights = (np.tile(np.asarray(each), dim) for each in (modes.values, modes.weights))
    flat = vectors.reshape(-1, dim * vectors.shape[1])
    values, flat, weights = on_device((values, flat, weights))
    return SlowModes(values, flat, weights, solver=modes.solver, of="particles")


def layer_widths(hidden: int | Sequence[int], layers: int | None = None) -> tuple[int, ...]:
    """Widths of the latent and of each convolution layer's output.

    An integer h means a latent of width h and `layers` (default 1) layers of width h/2, as in figure 3;
    a list names all widths, the latent's first.

    Raises:
        ConfigError: a width or the number of layers is out of range, or the two disagree.
    """
    allowed = "an integer, or a list of at least two positive integers"
    if not isinstance(hidden, Sequence) or isinstance(hidden, str):
        require(is_integer(hidden), "hidden", allowed, hidden)
        layers = 1 if layers is None else layers
        require(hidden >= 1, "hidden", "at least 1", hidden)
        require(layers >= 1, "layers", "at least 1", layers)
        return (int(hidden), *[max(1, int(hidden) // 2)] * layers)
    widths = tuple(hidden)
    positive = all(is_integer(width) and width >= 1 for width in widths)
    require(len(widths) >= 2 and positive, "hidden", allowed, hidden)
    expected = f"{len(widths) - 1} or left out, as hidden lists {len(widths)} widths"
    require(layers in (None, len(widths) - 1), "layers", expected, layers)
    return widths


def check_self_weight(weight: float | None) -> None:
    """Raise `ConfigError` unless the weight of a particle for itself is zero, positive or None."""
    require(weight is None or 0 <= weight < jnp.inf, "self_weight", "zero or positive, or null", weight)


def check_strength(strength: float | None) -> None:
    """Raise `ConfigError` unless the strength of the convolution is positive or None."""
    require(strength is None or 0 < strength < jnp.inf, "strength", "positive, or null", strength)


def graph(
    connectivity: SlowModes | EdgeGraph | ModesHere,
    hidden: int | Sequence[int] = 32,
    layers: int | None = None,
    *,
    residual: Residual | str = Residual.none,
    activation: Activation | str = Activation.tanh,
    weights: Weights | str = Weights.expectation,
    strength: float | None = 5.0,
    features: Array | None = None,
    particles: np.ndarray | None = None,
    about_centre: bool = False,
) -> Reparametrization:
    """X = GNN(Z): graph convolution layers h' = act(A h W + h S + b), then a linear layer to d.

    The latent (n, h0) starts as N(0, 1/h0) and is trained with the weights. W starts Xavier-normal, S
    standard-normal, b zero. The last layer is scaled so that X starts with the spread of X0.

    Args:
        connectivity: slow modes, for A = Psi diag(kappa) Psi^T, applied as two thin products (of the
            Hessian `over_particles`), or those where a stage begins; or a graph, for its adjacency with
            self-loops, see `EdgeGraph`.
        hidden: see `layer_widths`.
        layers: number of convolution layers.
        residual: none; concat, the last layer sees the latent and the output of every layer; or add, the
            output of every layer is added to its input, which must be as wide.
        activation: tanh, relu, silu, gelu or identity.
        weights: of slow modes: expectation, kappa = psi^T F psi; or unit, A = Psi Psi^T.
        strength: of kappa: scale A so that its largest `|kappa|` is this; None leaves kappa as the backbone
            has it, in units of the Hessian, as the authors do. At 5 the convolution is felt next to h S
            without saturating the activation.
        features: (n, f) fixed features of the particles, appended to the latent.
        particles: (n,) 1 for each particle that may move, 0 for others, see `System.particles`.
        about_centre: start about the centre of these particles, not about the origin; wanted where other
            particles or restraints hold them, see `System.is_held`.

    Raises:
        ConfigError: an argument out of range.
    """
    require_kind(
        connectivity, SlowModes | EdgeGraph | ModesHere, "connectivity", "slow modes, or a graph of edges"
    )
    widths = layer_widths(hidden, layers)
    activation = chosen(Activation, activation, "activation")
    residual = chosen(Residual, residual, "residual")
    check_strength(strength)
    if residual is Residual.add:
        check_addable((widths[0] + (0 if features is None else features.shape[1]), *widths[1:]))
    if isinstance(connectivity, SlowModes):
        of_particles = connectivity.of != "hessian"
        require(of_particles, "modes", "of particles, see over_particles", "coordinates of the Hessian")
        kappa = scaled_weights(connectivity.weights, chosen(Weights, weights, "weights"), strength)
        propagate = Partial(_along_modes, expansion(connectivity.vectors), kappa)
    elif isinstance(connectivity, ModesHere):
        propagate = Partial(_nowhere)
    else:
        propagate = Partial(_along_edges, connectivity)
    decode = _Decode(propagate, features, _Shape(widths, residual, activation))
    init = _Init(decode, on_device(particles), about_centre)
    if not isinstance(connectivity, ModesHere):
        return Reparametrization(init, decode)
    unit = chosen(Weights, weights, "weights") is Weights.unit
    scale = None if strength is None else on_device(float(strength))
    return Reparametrization(_InitHere(init, connectivity, scale, unit), _DecodeHere(decode))


def check_addable(widths: Sequence[int]) -> None:
    """Raise `ConfigError` unless every layer is as wide as its input, so that they can be added."""
    allowed = "a list of one width, of latent (with features) and all layers, as residual=add adds them"
    require(len(set(widths)) == 1, "hidden", allowed, list(widths))


def scaled_weights(weights: Array, kind: Weights, strength: float | None) -> Array:
    """The weights (k,) of modes in the convolution; see `graph`."""
    host = np.asarray(weights)
    if kind is Weights.unit:
        return on_device(np.ones_like(host))
    return weights if strength is None else on_device(host * (strength / (abs(host).max() or 1.0)))


def _along_modes(psi: Expansion, weights: Array, h: Array) -> Array:
    return expand(psi, weights[:, None] * project(psi, h))


def _nowhere(h: Array) -> Array:
    """In the place of a convolution that is known where a stage begins."""
    raise AssertionError("modes are taken where a stage begins")


def _along_edges(edges: EdgeGraph, h: Array) -> Array:
    if edges.weights is not None:
        return _along_weighted_edges(edges, edges.weights, h)
    normalised = edges.self_weight is None
    convolve = jraph.GraphConvolution(
        update_node_fn=lambda nodes: nodes, add_self_edges=normalised, symmetric_normalization=normalised
    )
    whole = jraph.GraphsTuple(
        nodes=h,
        edges=None,
        senders=edges.senders,
        receivers=edges.receivers,
        globals=None,
        n_node=edges.n,
        n_edge=jnp.asarray([edges.senders.shape[0]]),
    )
    neighbours = convolve(whole).nodes
    return neighbours if edges.self_weight is None else neighbours + edges.self_weight * h


def _along_weighted_edges(edges: EdgeGraph, weights: Array, h: Array) -> Array:
    """(A + self_weight I) h; without a self weight D^-1/2 (A + I) D^-1/2 h, D the row sums of A + I."""

    def gathered(values: Array) -> Array:
        return jraph.segment_sum(values, edges.receivers, len(h))

    if edges.self_weight is not None:
        return gathered(weights[:, None] * h[edges.senders]) + edges.self_weight * h
    scale = (1 + gathered(weights))[:, None] ** -0.5
    scaled = scale * h
    return scale * (gathered(weights[:, None] * scaled[edges.senders]) + scaled)


class _Shape(NamedTuple):
    """What is static about a network; networks of equal shape share a compilation."""

    widths: tuple[int, ...]
    residual: Residual
    activation: Activation


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Decode:
    propagate: Callable[[Array], Array]
    features: Array | None
    shape: _Shape = field(metadata={"static": True})

    def __call__(self, params: Params) -> Array:
        act = _FUNCTIONS[self.shape.activation]
        h = params["latent"]
        if self.features is not None:
            h = jnp.concatenate([h, self.features.astype(h.dtype)], axis=1)
        seen = [h]
        for layer in params["layers"]:
            # A (h W) rather than (A h) W: the product with A takes longest, and W narrows h.
            out = act(self.propagate(h @ layer["conv"]) + h @ layer["self"] + layer["bias"])
            h = h + out if self.shape.residual is Residual.add else out
            seen.append(h)
        features = jnp.concatenate(seen, axis=1) if self.shape.residual is Residual.concat else h
        return features @ params["readout"]["weight"] + params["readout"]["bias"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Init:
    decode: _Decode
    particles: Array | None
    about_centre: bool = field(metadata={"static": True})

    def __call__(self, key: Array, positions: Array) -> Params:
        n, dim = positions.shape
        widths = self.decode.shape.widths
        latent_key, readout_key, *layer_keys = jax.random.split(key, 1 + len(widths))
        latent = jax.random.normal(latent_key, (n, widths[0])) / jnp.sqrt(widths[0])
        fixed = 0 if self.decode.features is None else self.decode.features.shape[1]
        inputs = (widths[0] + fixed, *widths[1:])
        layers = [
            _init_layer(layer_key, before, after)
            for layer_key, before, after in zip(layer_keys, inputs[:-1], inputs[1:], strict=True)
        ]
        seen = sum(inputs) if self.decode.shape.residual is Residual.concat else inputs[-1]
        readout = {"weight": _xavier(readout_key, seen, dim), "bias": jnp.zeros(dim)}
        params = {"latent": latent, "layers": layers, "readout": readout}
        readout["weight"] *= scale_to(positions, self.decode(params), self.particles)
        if self.about_centre:
            here = centre_of(self.decode(params), self.particles)
            readout["bias"] = centre_of(positions, self.particles) - here
        return params


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _DecodeHere:
    """A network along modes that its params hold."""

    network: _Decode

    def __call__(self, params: Anchored) -> Array:
        return _along(self.network, *params.held)(params.moved)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _InitHere:
    """A network along the modes at the positions where it starts."""

    init: _Init
    here: ModesHere
    strength: Array | None
    unit: bool = field(metadata={"static": True})

    def __call__(self, key: Array, positions: Array) -> Anchored:
        vectors, kappa = self.here(positions)
        if self.here.of is ModesOf.hessian:  # see `over_particles`
            dim = positions.shape[1]
            vectors, kappa = vectors.reshape(len(positions), -1), jnp.tile(kappa, dim)
        if self.unit:
            kappa = jnp.ones_like(kappa)
        elif self.strength is not None:
            largest = jnp.max(abs(kappa))
            kappa *= self.strength / jnp.where(largest > 0, largest, 1)
        held = (expansion_here(vectors), kappa)
        return Anchored(replace(self.init, decode=_along(self.init.decode, *held))(key, positions), held)


def _along(network: _Decode, psi: Expansion, kappa: Array) -> _Decode:
    return replace(network, propagate=Partial(_along_modes, psi, kappa))


def _init_layer(key: Array, before: int, after: int) -> dict[str, Array]:
    conv_key, self_key = jax.random.split(key)
    return {
        "conv": _xavier(conv_key, before, after),
        "self": jax.random.normal(self_key, (before, after)),
        "bias": jnp.zeros(after),
    }


def _xavier(key: Array, before: int, after: int) -> Array:
    return jax.nn.initializers.glorot_normal()(key, (before, after), float)
