"""From a system to its slow modes."""

import re
from enum import Enum
from numbers import Integral, Real

import numpy as np
import scipy  # loads its parts as they are used
from jax.tree_util import Partial

from nnrep.energies.pairwise import PairTerm
from nnrep.errors import ConfigError, as_arguments, chosen, is_integer, require, require_kind
from nnrep.host.memory import most_that_fit, require_memory
from nnrep.host.terminal import log
from nnrep.modes.backbone import Backbone, Sampling, dense_backbone, term_backbone
from nnrep.modes.eigensolvers import MAX_PRODUCTS, Solver
from nnrep.modes.free import free_part, of_all_particles
from nnrep.modes.graph import coupling_graph
from nnrep.modes.normal import MAX_DENSE_COORDINATES, normal_modes
from nnrep.modes.probing import probed_backbone
from nnrep.modes.row_blocks import row_backbone
from nnrep.modes.spectrum import SlowModes, count_below, laplacian, slow_modes_of
from nnrep.systems.frozen import pinned_output
from nnrep.systems.measures import spread_of
from nnrep.systems.system import System, perturbed

BYTES_PER_PAIR = 250  # at the peak: blocks, indices, and the sorting of pairs
MAX_LISTED = 2000  # particles up to which all pairs are listed, where they can be had in rows as well
OWN_NOISE = 0.1  # of systems without configurations of their own, relative to the spread of the positions


class ModesOf(Enum):
    """Of which matrix the slow modes are: a Laplacian, of the Hessian's backbone or of the couplings' graph
    without weights, or the Hessian itself."""

    backbone = "backbone"
    graph = "graph"
    hessian = "hessian"


@as_arguments("modes")
def slow_modes(
    system: System,
    k: int | float | str | None = None,
    *,
    epsilon: float | None = None,
    of: ModesOf | str = ModesOf.backbone,
    backbone: Backbone | str = Backbone.mean_norm,
    seed: int = 0,
    samples: int | None = None,
    noise: float | None = None,
    background: bool = False,
    solver: Solver | str = Solver.auto,
    max_products: int = MAX_PRODUCTS,
) -> SlowModes:
    """Slow modes of a system: lowest eigenvectors of the Laplacian of its Hessian's backbone.

    The Hessian is sampled at the system's own configurations (a loop: see `HESSIAN_SAMPLES`) or, where
    it has none, at its positions with Gaussian noise. Systems with pair and local terms take their blocks
    in closed form; others products with the Hessian, all of them up to `MAX_DENSE_COORDINATES` coordinates,
    beyond it as many as an estimate needs, see `probed_backbone`.

    Args:
        system: n particles.
        k: how many modes (an integer from 1 to n), which share of n (between 0 and 1), or of a protein
            how many a residue ("3*residues"); of the Hessian the same with n d in the place of n. Frozen
            particles are in no mode, and none of these n.
        epsilon: instead of k, all modes with `|lambda| < epsilon^2 max lambda` (definition 2.1).
        of: the backbone; the graph of couplings without weights, see `coupling_graph`; or the full Hessian
            at the positions, see `normal_modes`.
        backbone: mean_norm or sum_square, see `Backbone`.
        seed: of the sampled configurations.
        samples: how many; None takes the system's own number.
        noise: standard deviation of every coordinate, in the system's unit of length, around its positions;
            None takes the system's own configurations or, if it has none, a tenth of the positions'
            standard deviation about their centre.
        background: include the pairs without a coupling of their own (a loop's repulsion), O(n^2) of
            them. In independent random configurations these all have the same expectation, which says
            nothing about which directions are slow, and sampling noise, which hides the slowest.
        solver: auto, dense, lanczos or shift_invert, see `lowest_eigenpairs`.
        max_products: most products with the matrix that Lanczos may take.

    Raises:
        ConfigError: an argument out of range, or not exactly one of k and epsilon given.
        UserError: a solver has not converged, or something does not fit into memory.
    """
    require_kind(system, System, "system", "a nnrep.System")
    of, solver = chosen(ModesOf, of, "of"), chosen(Solver, solver, "solver")
    backbone = chosen(Backbone, backbone, "backbone")
    both = f"k={k} and epsilon={epsilon}"
    require((k is None) != (epsilon is None), "k", "given, or epsilon, and not both", both)
    require_kind(background, bool, "background", "True or False")
    require(is_integer(max_products) and max_products >= 1, "max_products", "at least 1", max_products)
    if epsilon is not None:
        usable = isinstance(epsilon, Real) and 0 < epsilon <= 1
        require(usable, "epsilon", "above 0 and at most 1", epsilon)
    flat = of is ModesOf.hessian
    size = system.n_free * system.positions.shape[1] if flat else system.n_free
    count = None if k is None else mode_count(k, size, system.residues, "n d" if flat else "n", "k")
    if of is not ModesOf.backbone:
        check_unsampled(of, samples, noise, background)
    if flat:
        modes = normal_modes(system, count, epsilon=epsilon, solver=solver, max_products=max_products)
    else:
        sampling = sampling_of(system, samples, noise, seed, backbone)
        whole, error = adjacency_of(system, of, sampling, background)
        matrix = free_part(whole, system)
        count = count or count_below(laplacian(matrix), epsilon or 0.0, solver, max_products)
        modes = slow_modes_of(matrix, count, solver, max_products)._replace(backbone_error=error, of=of.value)
    _report(modes, solver)
    return of_all_particles(modes, system)


def adjacency_of(
    system: System, of: ModesOf, sampling: Sampling, background: bool = False
) -> "tuple[np.ndarray | scipy.sparse.csr_array, float]":
    """The matrix (n, n) whose Laplacian it is, and its error if it is an estimate; see `backbone_of`."""
    return (coupling_graph(system), 0.0) if of is ModesOf.graph else backbone_of(system, sampling, background)


def check_unsampled(of: ModesOf, samples: int | None, noise: float | None, background: bool) -> None:
    """Raise `ConfigError` for what concerns sampled Hessians alone, where the modes are of something else."""
    takes = "the whole Hessian at the start" if of is ModesOf.hessian else "the couplings without weights"
    reason = f", as of={of.value} takes {takes}"
    require(samples is None, "samples", f"null{reason}", samples)
    require(noise is None, "noise", f"null{reason}", noise)
    require(not background, "background", f"false{reason}", background)


def sampling_of(
    system: System, samples: int | None, noise: float | None, seed: int, backbone: Backbone
) -> Sampling:
    """At which configurations the Hessian is sampled; arguments as those of `slow_modes`.

    Raises:
        ConfigError: an argument out of range.
    """
    samples = system.hessian_samples if samples is None else samples
    require(is_integer(samples) and 1 <= samples < 2**31, "samples", "from 1 to 2^31 - 1", samples)
    require(is_integer(seed) and 0 <= seed < 2**31, "seed", "from 0 to 2^31 - 1", seed)
    usable = noise is None or (isinstance(noise, Real) and 0 <= noise < np.inf)
    require(usable, "noise", "zero or positive, or null", noise)
    own = system.draw_configuration
    scale = OWN_NOISE * spread_of(np.asarray(system.positions)[: system.n]) if noise is None else noise
    around = pinned_output(Partial(perturbed, system.positions, scale), system.pins)
    draw = around if own is None or noise is not None else own
    return Sampling(draw, samples, seed, backbone)


def _report(modes: SlowModes, solver: Solver) -> None:
    assert modes.residuals is not None
    log().info(
        "%d slow modes by %s%s, residuals at most %.0e of the matrix's norm",
        modes.values.size,
        modes.solver,
        " (modes.solver=auto)" if solver is Solver.auto else "",
        float(np.max(np.asarray(modes.residuals))),
    )


def mode_count(k: int | float | str, n: int, residues: int = 0, called: str = "n", key: str = "modes") -> int:
    """Number of modes from a count (1 to n), a share (0 < k < 1, rounded, at least 1) of n, or "3*residues".

    Raises:
        ConfigError: k is none of these, or more than n.
    """
    allowed = f"a count from 1 to {called} = {n}, or a share of it between 0 and 1"
    if residues:
        allowed += f", or a multiple of the {residues} residues such as 3*residues"
    multiple = re.fullmatch(r"\s*(\d+)\s*\*\s*residues\s*", k) if isinstance(k, str) else None
    if multiple and residues:
        count = int(multiple[1]) * residues
        require(1 <= count <= n, key, allowed, f"{k} = {count}")
        return count
    if isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1:
        return max(1, round(float(k) * n))
    require(is_integer(k) and 1 <= k <= n, key, allowed, k)
    return int(k)


def backbone_of(
    system: System, sampling: Sampling, background: bool = False
) -> "tuple[np.ndarray | scipy.sparse.csr_array, float]":
    """The backbone (n, n) of a system, and its error if it is an estimate.

    Raises:
        ConfigError: it is not finite.
    """
    matrix, error = _exact_or_estimated(system, sampling, background)
    matrix = matrix[: system.n, : system.n]  # dummies are coupled to nothing
    if not np.all(np.isfinite(matrix.data if scipy.sparse.issparse(matrix) else matrix)):
        reason = "the Hessian is not finite at a sampled configuration"
        raise ConfigError("modes.noise", f"{reason}; choose another noise or start, or float64")
    return matrix, error


def _require_pairs(system: System, key: str, instead: str) -> None:
    most = most_that_fit(BYTES_PER_PAIR / 2, power=2)
    what = f"the Hessian's blocks of all pairs of {system.n} particles"
    choice = f"{instead}, or a system of at most {most} particles"
    require_memory(BYTES_PER_PAIR / 2 * system.n**2, key, what, choice)


def _exact_or_estimated(
    system: System, sampling: Sampling, background: bool
) -> "tuple[np.ndarray | scipy.sparse.csr_array, float]":
    couplings = system.coupling_terms
    rows = system.pair_rows
    if rows is not None and system.n > MAX_LISTED:
        return row_backbone(rows, system.local_terms, sampling, system.n), 0.0
    if callable(couplings):
        _require_pairs(system, "modes.of", "graph")
    terms: tuple[PairTerm, ...] = couplings() if callable(couplings) else couplings
    if terms or system.local_terms:
        if background and system.background_terms is not None:
            _require_pairs(system, "modes.background", "false")
            terms += system.background_terms()
        return term_backbone(terms, system.local_terms, sampling), 0.0
    if system.positions.size <= MAX_DENSE_COORDINATES:
        return dense_backbone(system.energy, sampling), 0.0
    estimate = probed_backbone(system.energy, sampling)
    log().info(
        "Hessian of %d particles probed in %d colours: the backbone's error is %.1g on checked columns",
        system.n,
        estimate.colours,
        estimate.error,
    )
    return estimate.backbone, estimate.error
