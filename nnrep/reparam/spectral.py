"""`reparam=spectral`: all modes at once, X = Psi S Z with S_i = (lambda_i / lambda_max + shift)^(-power).

At power 1/2 and with the Hessian's own modes, gradient steps in Z are Newton's steps in X, but for the shift:
any optimiser through the map is preconditioned by modes. Unlike in coarse-graining no direction is lost.
"""

from dataclasses import field

import jax.numpy as jnp
import numpy as np
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.identity import NOT_IN_HASH
from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.errors import AsCode, is_number, require, require_kind
from nnrep.host.memory import require_memory
from nnrep.modes.assembled import TooLarge, hessian_of, is_too_large
from nnrep.modes.filters import dense_filter, filter_values, spectral_filter
from nnrep.modes.free import without_frozen
from nnrep.modes.here import ModesHere
from nnrep.modes.request import noise_of
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf, adjacency_of, sampling_of
from nnrep.modes.spectrum import SlowModes, laplacian
from nnrep.reparam.base import Anchored, Reparametrization
from nnrep.reparam.none import identity
from nnrep.reparam.settings import MapConfig
from nnrep.systems.system import System

SHIFT, POWER = 0.1, 0.5
SAMPLES = ("samples", "noise", "background")  # keys of sampled Hessians
ENTRY_BYTES = 60  # of an entry of a sparse matrix, in all that is made of it


def spectral_map(
    matrix: "scipy.sparse.csr_array | SlowModes",
    shift: float = SHIFT,
    power: float = POWER,
    *,
    start_length: float | None = None,
) -> Reparametrization:
    """X = S(L) Z with Z (n, d) and S(L) = Psi diag(S_i) Psi^T; starts at Z = S^-1 X0, which gives X0 back.

    Z is in the particles' basis, Psi^T Z in that of the modes: S is symmetric, and needs no modes where the
    matrix is large, see `spectral_filter`. Of modes of the Hessian, X = X0 + Psi S Z with Z (n d,) in the
    basis of the modes, and `|lambda|` in the place of lambda; starts at zero.

    Args:
        matrix: a Laplacian (n, n); or all of its modes, or of the Hessian's.
        shift: of the relative eigenvalues.
        power: how strongly slow modes come first; with the default all modes move at even speed down an
            energy whose Hessian the matrix is. 2 and a small shift leave little but the slow modes.
        start_length: start at Z = c X0 instead, that is from what the map leaves of X0, and with c such that
            this is the distance of coupled pairs, root mean square by their weights: at the spread of X0,
            which grows with the system, they would be far apart in a large one, and tangle on their way.

    Raises:
        ConfigError: a number out of range, or not all modes.
    """
    check_spectrum(shift, power, start_length)
    usable = isinstance(matrix, SlowModes) or scipy.sparse.issparse(matrix)
    require(usable, "matrix", "slow modes, or a Laplacian as a scipy.sparse array", AsCode(matrix))
    if isinstance(matrix, SlowModes):
        count, size = matrix.values.size, len(matrix.vectors)
        require(count == size, "modes", f"all {size} modes for a spectral map", count)
        values = abs(np.asarray(matrix.values, np.float64))
        scales = on_device(filter_values(values / (values.max() or 1.0), shift, power))
        if matrix.of == "hessian":
            none = start_length is None
            require(none, "start_length", "null with modes of the Hessian", start_length)
            return Reparametrization(Partial(_at_rest, matrix.vectors, scales), Partial(_displaced))
        forward, backward, _ = dense_filter(np.asarray(matrix.vectors, np.float64), scales)
    else:
        forward, backward, _ = spectral_filter(matrix, shift, power)
    if start_length is None:
        return Reparametrization(Partial(_exact, backward), forward)
    mean_square = _of_modes(matrix) if isinstance(matrix, SlowModes) else _of_pairs(matrix)
    return Reparametrization(Partial(_smooth, forward, mean_square, on_device(start_length)), forward)


def spectral_at_start(system: System, shift: float = SHIFT, power: float = POWER) -> Reparametrization:
    """X = X0 + Psi S Z with the modes of the Hessian at X0, where a stage begins: each replica has its own.

    Args:
        system: whose exact energy's Hessian it is.
        shift: relative to the largest `|lambda|`.
        power: see `spectral_map`.

    Raises:
        ConfigError: a number out of range.
        UserError: the Hessian would be too large.
    """
    require_kind(system, System, "system", "a nnrep.System")
    check_spectrum(shift, power)
    numbers = on_device((float(shift), float(power)))
    return Reparametrization(Partial(_modes_here, hessian_of(system), *numbers), Partial(_displaced))


def check_spectrum(shift: float, power: float, start_length: float | None = None) -> None:
    """Raise `ConfigError` for numbers of which there is no map."""
    length = start_length
    usable = length is None or (is_number(length) and 0 < length < np.inf)
    require(usable, "start_length", "positive, or null", length)
    require(is_number(shift) and 0 < shift < np.inf, "shift", "positive", shift)
    require(is_number(power) and 0 < power <= 8, "power", "above 0 and at most 8", power)


def _exact(backward: Partial, key: Array, positions: Array) -> Array:
    return backward(positions)


def _smooth(forward: Partial, mean_square: Partial, length: Array, key: Array, positions: Array) -> Array:
    smooth = forward(positions)
    mean = mean_square(smooth)
    # Without pairs, or with all particles in one place, there is no distance to scale but rounding.
    usable = mean > 1e-10 * jnp.mean(smooth**2)
    return positions * jnp.where(usable, length / jnp.sqrt(jnp.where(usable, mean, 1)), 1)


def _of_pairs(laplacian: "scipy.sparse.csr_array") -> Partial:
    entries = scipy.sparse.triu(laplacian, 1).tocoo()
    weights = -entries.data / (-entries.data.sum() or 1.0)
    return Partial(_mean_square, *on_device((entries.row, entries.col, weights)))


def _mean_square(i: Array, j: Array, weights: Array, positions: Array) -> Array:
    return jnp.sum(weights * jnp.sum((positions[i] - positions[j]) ** 2, axis=1))


def _of_modes(modes: SlowModes) -> Partial:
    # The trace of a Laplacian has every pair twice.
    values = np.asarray(modes.values, np.float64)
    return Partial(_by_modes, modes.vectors, on_device(values / (values.sum() / 2 or 1.0)))


def _by_modes(vectors: Array, weights: Array, positions: Array) -> Array:
    return jnp.sum(weights * jnp.sum((vectors.T @ positions) ** 2, axis=1))


def _at_rest(vectors: Array, scales: Array, key: Array, positions: Array) -> Anchored:
    return Anchored(jnp.zeros(len(scales), positions.dtype), held=(positions, vectors, scales))


def _modes_here(hessian: Partial, shift: Array, power: Array, key: Array, positions: Array) -> Anchored:
    values, vectors = jnp.linalg.eigh(hessian(positions))
    values = abs(values)
    largest = jnp.max(values)
    scales = (values / jnp.where(largest == 0, 1, largest) + shift) ** -power
    return _at_rest(vectors, scales, key, positions)


def _displaced(params: Anchored) -> Array:
    origin, vectors, scales = params.held
    return origin + (vectors @ (scales * params.moved)).reshape(origin.shape)


@settings("reparam/spectral")
class SpectralConfig(MapConfig):
    """`reparam=spectral`: all modes at once; see `spectral_map` and `spectral_at_start`.

    Attributes:
        shift: of the eigenvalues, relative to the largest.
        power: S_i = (lambda_i / lambda_max + shift)^(-power).
        start_length: distance of coupled pairs, root mean square, of what the map leaves of the start, from
            which it is to begin; null begins at the start itself.
        too_large: with modes.of=hessian, what becomes of a system whose Hessian is too large to be formed: it
            is refused, or has no map.
    """

    shift: float
    power: float
    start_length: float | None
    too_large: TooLarge = field(metadata=NOT_IN_HASH)  # a run that is refused has no name

    color = "#9DBFF2"
    decomposes = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_spectrum(self.shift, self.power, self.start_length)
        super().__post_init__()

    def keys_of_modes(self, modes: ModesConfig) -> frozenset[str]:
        """It takes all modes, by a solver of its own."""
        of_hessian = modes.of is ModesOf.hessian
        return frozenset({"of"}) if of_hessian else frozenset({"of", "backbone", "seed", *SAMPLES})

    def check_modes(self, modes: ModesConfig) -> None:
        """Displacements have no start of their own."""
        length = self.start_length
        allowed = "null with modes.of=hessian, whose modes are displacements"
        require(length is None or modes.of is not ModesOf.hessian, "reparam.start_length", allowed, length)
        allowed = f"refuse, as modes.of={modes.of.value} is sparse"
        usable = self.too_large is TooLarge.refuse or modes.of is ModesOf.hessian
        require(usable, "reparam.too_large", allowed, self.too_large.value)

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """Of the Laplacian that `modes` names, or of the Hessian where the stage begins."""
        if modes.of is ModesOf.hessian:
            if self.too_large is TooLarge.none and is_too_large(system):
                return identity()
            return spectral_at_start(system, self.shift, self.power)
        noise = noise_of(system, modes)
        sampling = sampling_of(system, modes.samples, noise, modes.seed, modes.backbone)
        full = adjacency_of(system, modes.of, sampling, modes.background)[0]
        entries = np.count_nonzero(full) if isinstance(full, np.ndarray) else full.nnz
        what = f"the entries of the Laplacian of {system.n} particles"
        require_memory(ENTRY_BYTES * int(entries), "modes.of", what, "graph, or another reparam")
        matrix = without_frozen(scipy.sparse.csr_array(full), system)
        matrix.resize(system.positions.shape[:1] * 2)  # dummies are coupled to nothing
        return spectral_map(
            scipy.sparse.csr_array(laplacian(matrix)), self.shift, self.power, start_length=self.start_length
        )


CHOICE = SpectralConfig
