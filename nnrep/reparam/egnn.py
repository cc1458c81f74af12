"""`reparam=egnn`: an equivariant graph network behind a smoothing filter, for systems with ideal distances.

X_0 = S Z, and layer by layer X_(l+1) = X_l + s_l G B^T ((a_l / |d| - 1) d) with d = B X_l: along each
coupled pair goes a message, its difference vector times a function of its length, as in the E(n)-equivariant
network of Satorras, Hoogeboom and Welling (2021). What a particle receives is spread by the filter G, not to
it alone. Z, s and a are minimised over. At s = 1 a layer is a damped step of the majorisation that brings
pairs to distances a (de Leeuw 1977); the network begins there, with the system's ideal distances.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.errors import is_integer, is_number, require, require_kind
from nnrep.modes.filters import largest_of, spectral_filter
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import SlowModes, laplacian
from nnrep.reparam.base import Params, Reparametrization
from nnrep.reparam.settings import MapConfig
from nnrep.reparam.spectral import check_spectrum, spectral_map
from nnrep.systems.system import Contacts, System

MOST_LAYERS = 100
SOFTENING = 0.1  # of |d|, in ideal distances: a pair in one place has no direction


def equivariant(
    system: System,
    layers: int = 10,
    *,
    spread: float = 0.01,
    shift: float = 0.03,
    power: float = 2.0,
    start_length: float = 0.8,
) -> Reparametrization:
    """The network over the pairs `bonds` and `contacts` of a system, which have ideal distances.

    Args:
        system: with bonds, contacts, or both.
        layers: how many.
        spread: G = (L / lambda_max + spread)^-1 / lambda_max with the Laplacian L = B^T B of the pairs; the
            smaller, the farther along the graph a message is felt.
        shift, power, start_length: of S, and where Z starts, see `spectral_map`.

    Raises:
        ConfigError: a number out of range, or a system without ideal distances.
    """
    require_kind(system, System, "system", "a nnrep.System")
    check_layers(layers)
    check_spread(spread)
    check_spectrum(shift, power, start_length)
    kinds = [kind for kind in (system.bonds, system.contacts) if kind is not None and len(kind.pairs)]
    require(len(kinds) > 0, "system", "a system with bonds or contacts of ideal distances", system.name)
    matrix = _laplacian(kinds, len(system.positions))
    smooth = spectral_map(matrix, shift, power, start_length=start_length)
    received = spectral_filter(matrix, spread, 1.0, key="reparam.spread").forward
    scale = 1 / (largest_of(matrix) or 1.0)
    differences = [_differences(kind.pairs) for kind in kinds]
    lengths, ideal = on_device((np.full((layers, len(kinds)), 1.0), [float(kind.length) for kind in kinds]))
    decode = Partial(_decode, smooth.decode, received, on_device(scale), differences, ideal)
    return Reparametrization(Partial(_init, smooth.init, lengths), decode)


def check_layers(layers: int) -> None:
    """Raise `ConfigError` for a number of layers out of range."""
    counted = is_integer(layers) and 1 <= layers <= MOST_LAYERS
    require(counted, "layers", f"from 1 to {MOST_LAYERS}", layers)


def check_spread(spread: float) -> None:
    """Raise `ConfigError` unless it is positive."""
    positive = is_number(spread) and 0 < spread < np.inf
    require(positive, "spread", "positive", spread)


def _laplacian(kinds: list[Contacts], n: int) -> "scipy.sparse.csr_array":
    first, second = np.concatenate([np.asarray(kind.pairs) for kind in kinds]).T
    one_way = scipy.sparse.coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return scipy.sparse.csr_array(laplacian(scipy.sparse.csr_array(one_way + one_way.T)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Along:
    """Differences of the pairs (i, i + offset) along a chain; a program of it has a name to be kept by."""

    offset: int = field(metadata={"static": True})
    count: int = field(metadata={"static": True})

    def __call__(self, positions: Array) -> Array:
        return positions[self.offset : self.offset + self.count] - positions[: self.count]


def _differences(pairs: np.ndarray) -> Callable[[Array], Array]:
    """X (n, d) -> B X (m, d). Pairs at one distance along a whole chain are slices, which take no indices."""
    first, second = np.asarray(pairs).T
    offset = int(second[0] - first[0])
    along = np.arange(len(first))
    if offset > 0 and np.array_equal(first, along) and np.array_equal(second, along + offset):
        return _Along(offset, len(first))
    return Partial(_gathered, *on_device((first, second)))


def _gathered(first: Array, second: Array, positions: Array) -> Array:
    return positions[second] - positions[first]


def _init(smooth: Partial, lengths: Array, key: Array, positions: Array) -> Params:
    return {"latent": smooth(key, positions), "lengths": lengths, "strengths": jnp.ones(len(lengths))}


def _decode(
    smooth: Partial,
    received: Partial,
    scale: Array,
    differences: list[Callable[[Array], Array]],
    ideal: Array,
    params: Params,
) -> Array:
    def layer(positions: Array, own: tuple[Array, Array]) -> tuple[Array, None]:
        lengths, strength = own
        sent = jnp.zeros_like(positions)
        for kind, difference in enumerate(differences):
            along, back = jax.vjp(difference, positions)
            softened = jnp.sum(along**2, axis=1, keepdims=True) + (SOFTENING * ideal[kind]) ** 2
            wanted = lengths[kind] * ideal[kind] * jax.lax.rsqrt(softened)
            (sum_of_messages,) = back((wanted - 1) * along)
            sent += sum_of_messages
        return positions + strength * scale * received(sent), None

    start = smooth(params["latent"])
    positions: Array = jax.lax.scan(layer, start, (params["lengths"], params["strengths"]))[0]
    return positions


@settings("reparam/egnn")
class EGNNConfig(MapConfig):
    """`reparam=egnn`: equivariant graph network; see `equivariant`.

    Attributes:
        layers: number of layers.
        spread: of what a particle receives.
        shift, power, start_length: of the smoothing filter, as with reparam=spectral.
    """

    layers: int
    spread: float
    shift: float
    power: float
    start_length: float

    color = "#D6DA96"
    decomposes = True
    needs_contacts = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_layers(self.layers)
        check_spread(self.spread)
        check_spectrum(self.shift, self.power, self.start_length)
        super().__post_init__()

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """Of the system's bonds and contacts."""
        return equivariant(
            system,
            self.layers,
            spread=self.spread,
            shift=self.shift,
            power=self.power,
            start_length=self.start_length,
        )


CHOICE = EGNNConfig
