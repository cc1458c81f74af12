"""From a system to its slow modes."""

import re
from numbers import Integral, Real

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.pairwise import PairTerm
from nnrep.errors import ConfigError, is_integer, require
from nnrep.memory import require_memory
from nnrep.modes.hessian import Draw, dense_backbone, term_backbone
from nnrep.modes.spectrum import SlowModes, count_below, laplacian, slow_modes_of
from nnrep.systems.system import System, perturbed

BYTES_PER_PAIR = 250  # at the peak: blocks, indices, and the sorting of pairs


def slow_modes(
    system: System,
    k: int | float | str | None = None,
    *,
    epsilon: float | None = None,
    seed: int = 0,
    samples: int | None = None,
    noise: float = 0.1,
    background: bool = False,
) -> SlowModes:
    """Slow modes of a system: lowest eigenvectors of the Laplacian of its Hessian's backbone.

    The Hessian is sampled at the system's own configurations (a loop: see `HESSIAN_SAMPLES`) or, where
    it has none, at its positions with Gaussian noise. Systems with pair terms take the closed form,
    others the dense Hessian.

    Args:
        system: n particles.
        k: how many modes (an integer from 1 to n), which share of n (between 0 and 1), or of a protein
            how many a residue ("3*residues").
        epsilon: instead of k, all modes with |lambda| < epsilon^2 max lambda (definition 2.1).
        seed: of the sampled configurations.
        samples: how many; None takes the system's own number.
        noise: standard deviation of the noise, relative to that of the positions; only for systems
            without configurations of their own.
        background: include the pairs without a coupling of their own (a loop's repulsion), O(n^2) of
            them. In independent random configurations these all have the same expectation, which says
            nothing about which directions are slow, and sampling noise, which hides the slowest.

    Raises:
        ConfigError: k or epsilon out of range, or not exactly one of them given.
    """
    require((k is None) != (epsilon is None), "modes", "given by exactly one of k and epsilon", (k, epsilon))
    if epsilon is not None:
        require(0 < epsilon <= 1, "epsilon", "above 0 and at most 1", epsilon)
    count = None if k is None else mode_count(k, system.n, system.residues)
    samples = system.hessian_samples if samples is None else samples
    require(samples >= 1, "samples", "at least 1", samples)
    require(noise >= 0, "noise", "zero or positive", noise)
    draw = system.draw_configuration or Partial(
        perturbed, system.positions, noise * jnp.std(system.positions)
    )
    backbone = _backbone(system, draw, samples, jax.random.key(seed), background)
    if not np.all(np.isfinite(backbone.data if scipy.sparse.issparse(backbone) else backbone)):
        raise ConfigError("energy", "its Hessian is not finite at a sampled configuration; raise the noise")
    if count is None:
        count = count_below(laplacian(backbone), epsilon or 0.0)
    return slow_modes_of(backbone, count)


def mode_count(k: int | float | str, n: int, residues: int = 0) -> int:
    """Number of modes from a count (1 to n), a share (0 < k < 1, rounded, at least 1) of n, or "3*residues".

    Raises:
        ConfigError: k is none of these, or more than n.
    """
    allowed = f"a count from 1 to n = {n}, or a share of n between 0 and 1"
    if residues:
        allowed += f", or a multiple of the {residues} residues such as 3*residues"
    multiple = re.fullmatch(r"\s*(\d+)\s*\*\s*residues\s*", k) if isinstance(k, str) else None
    if multiple and residues:
        count = int(multiple[1]) * residues
        require(1 <= count <= n, "modes", allowed, f"{k} = {count}")
        return count
    if isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1:
        return max(1, round(float(k) * n))
    require(is_integer(k) and 1 <= k <= n, "modes", allowed, k)
    return int(k)


def _backbone(
    system: System, draw: Draw, samples: int, key: Array, background: bool
) -> np.ndarray | scipy.sparse.csr_array:
    couplings = system.coupling_terms
    if callable(couplings):
        require_memory(BYTES_PER_PAIR * system.n**2 // 2, f"the Hessian's blocks of all {system.n} particles")
    terms: tuple[PairTerm, ...] = couplings() if callable(couplings) else couplings
    if not terms and not system.local_terms:
        return dense_backbone(system.energy, draw, samples, key)
    if background and system.background_terms is not None:
        terms += system.background_terms()
    return term_backbone(terms, system.local_terms, draw, samples, key)
