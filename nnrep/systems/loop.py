"""The synthetic coil of figures 2 and 3: a chain of n particles that wants to wind into a coil."""

from dataclasses import field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.choices.identity import counts_if, matters_if
from nnrep.choices.settings import settings
from nnrep.energies.arrays import on_device
from nnrep.energies.fast_sum import MOST
from nnrep.energies.loop import (
    LoopParameters,
    Potential,
    chain_pairs,
    coupling_terms,
    energy_bound,
    fast_loop_energy,
    fast_loop_energy_sample,
    loop_energy,
    loop_energy_by_pairs,
    loop_energy_by_shifts,
    repulsion_terms,
)
from nnrep.energies.pairwise import capped_lennard_jones_minimum
from nnrep.errors import require
from nnrep.host.memory import most_that_fit, require_memory
from nnrep.systems.settings import OnProgress, Size, SystemConfig
from nnrep.systems.system import Contacts, System, drawn

if TYPE_CHECKING:
    from nnrep.structures.molecule import Molecule


class Repulsion(Enum):
    """Whether minimisation steps see the repulsion of random pairs, or of all, by one sum or the other."""

    sampled = "sampled"
    exact = "exact"
    fast = "fast"


class Pairs(Enum):
    """How the pairs of the sampled repulsion are drawn."""

    shifts = "shifts"
    independent = "independent"


_IF_REPELLING = matters_if(
    lambda loop: loop.repulsion_strength > 0, "system.repulsion_strength=0 repels nothing"
)
_IF_SAMPLED = matters_if(
    lambda loop: loop.repulsion_strength > 0 and loop.repulsion is Repulsion.sampled,
    "no repulsion is sampled",
)


@settings("system/loop")
class LoopConfig(SystemConfig):
    """`system=loop`; lengths and energies are dimensionless.

    Attributes:
        n: number of particles.
        dim: 2 or 3 dimensions.
        potential: bond_lj or pure_lj.
        loop_length: L of the couplings (i, i+L).
        loop_strength: their factor.
        lj_cap: e of the capped Lennard-Jones potential.
        repulsion: sampled, exact or fast in the steps. Reported energies are of all pairs: of `FAST_FROM`
            particles and more by the fast sum, unless it is exact.
        pairs: sampled pairs are random circular shifts of a random order, or independent.
        repulsion_epoch: for how many steps sampled pairs are kept.
        repulsion_strength: factor of the mean of 1 / (r + repulsion_cap).
        repulsion_cap: e of the repulsion.
        start_scale: the start is start_scale * n^(1/3) * N(0, 1).
        runs_per_start: k; seeds 0..k-1 share the first start, the next k the second one, and so on.
    """

    n: int
    dim: int
    potential: Potential
    loop_length: int
    loop_strength: float
    lj_cap: float
    repulsion: Repulsion = field(metadata=_IF_REPELLING)
    pairs: Pairs = field(metadata=_IF_SAMPLED)
    repulsion_epoch: int = field(
        metadata={**_IF_SAMPLED, **counts_if(lambda loop: loop.repulsion_epoch != 1)}
    )
    repulsion_strength: float
    repulsion_cap: float = field(metadata=_IF_REPELLING)
    start_scale: float
    runs_per_start: int = field(metadata=counts_if(lambda loop: loop.runs_per_start != 1))

    energy_keys = (
        *("n", "dim", "potential", "loop_length", "loop_strength", "lj_cap"),
        *("repulsion_strength", "repulsion_cap"),
    )
    has_edge_weights = True
    can_restart = True
    has_background = True

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(self.n >= 2, "n", "at least 2", self.n)
        require(self.dim in (2, 3), "dim", "2 or 3", self.dim)
        allowed = f"from 1 to n - 1 = {self.n - 1}"
        require(1 <= self.loop_length < self.n, "loop_length", allowed, self.loop_length)
        require(0 < self.loop_strength < np.inf, "loop_strength", "positive", self.loop_strength)
        epoch = self.repulsion_epoch
        require(1 <= epoch < 2**31, "repulsion_epoch", "from 1 to 2^31 - 1", epoch)
        require(0 < self.lj_cap <= 1, "lj_cap", "above 0 and at most 1", self.lj_cap)
        strength = self.repulsion_strength
        require(0 <= strength < np.inf, "repulsion_strength", "zero or positive", strength)
        require(0 < self.repulsion_cap < np.inf, "repulsion_cap", "positive", self.repulsion_cap)
        require(0 < self.start_scale < np.inf, "start_scale", "positive", self.start_scale)
        require(self.runs_per_start >= 1, "runs_per_start", "at least 1", self.runs_per_start)

    @property
    def mean_over(self) -> int:
        """Each particle has about one bond and one coupling."""
        return self.n

    def size(self, molecule: "Molecule | None" = None) -> Size:
        """Known without a molecule."""
        return Size(self.n, self.dim)

    def build(
        self,
        molecule: "Molecule | None" = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        padded: bool = False,
    ) -> System:
        """See `loop_system`."""
        return loop_system(self, seed)

    def without_bonds(self) -> str | None:
        """Particles are drawn one by one."""
        return "bonds of system=loop have random lengths at the start"

    def columns(self, molecule: "Molecule | None") -> dict[str, Any]:
        """Its potential, and whether runs share their starts."""
        shared = {} if self.runs_per_start == 1 else {"start": f"shared by {self.runs_per_start}"}
        fast = {"energy_repulsion": "fast sum"} if self.reports_fast_sum else {}
        return {"potential": self.potential.value, **fast, **shared}

    def check_exact(self) -> None:
        """Refuse a sampled repulsion, and the fast one where the reported energy has the exact one."""
        exact = self.repulsion is Repulsion.exact
        allowed = "exact, as every step must see the energy that is reported"
        require(exact or _is_fast_alone(self), "repulsion", allowed, self.repulsion.name)

    @property
    def reports_fast_sum(self) -> bool:
        """Whether the repulsion of reported energies is the fast sum, which is exact to 1e-6."""
        return self.n >= FAST_FROM and self.repulsion is not Repulsion.exact and self.repulsion_strength > 0


# Hessian samples (appendix): how many, and the range of c in n^(1/3) / 2 * c * N(0, 1).
HESSIAN_SAMPLES = {Potential.bond_lj: (10, 3.0, 8.0), Potential.pure_lj: (40, 0.01, 0.2)}


BYTES_EACH = 400  # of a particle: its positions and couplings, and what a step has of it without a map
FAST_NUMBERS_EACH = 500  # of a particle, in the fast sum
FAST_FROM = 20_000  # particles, of which the sum pair by pair takes seconds


def loop_system(config: LoopConfig, seed: int = 0) -> System:
    """The synthetic coil, started from the draw of a seed."""
    n = config.n
    takes_fast_sum = config.reports_fast_sum or config.repulsion is Repulsion.fast
    each = BYTES_EACH + takes_fast_sum * FAST_NUMBERS_EACH * jax.dtypes.canonicalize_dtype(float).itemsize
    fewer = f"at most {most_that_fit(each)}"
    require_memory(each * n, "system.n", f"a loop of {n} particles", fewer)
    countable = not takes_fast_sum or n <= MOST
    require(countable, "system.n", f"at most {MOST}, where the repulsion is a fast sum", n)
    like = on_device(np.zeros((n, config.dim)))
    parameters = LoopParameters(
        loop_strength=config.loop_strength,
        lj_cap=config.lj_cap,
        repulsion_strength=config.repulsion_strength,
        repulsion_cap=config.repulsion_cap,
        potential=config.potential,
        loop_length=config.loop_length,
    )
    samples, first_spread, last_spread = HESSIAN_SAMPLES[config.potential]
    lj_length = capped_lennard_jones_minimum(config.lj_cap)[0]
    bond_length = 1.0 if config.potential is Potential.bond_lj else lj_length
    bonds, loops = chain_pairs(n, 1), chain_pairs(n, config.loop_length)
    draw_start = Partial(_scaled_normal, like, config.start_scale * n ** (1 / 3))
    half = n ** (1 / 3) / 2
    return System(
        energy=Partial(fast_loop_energy if config.reports_fast_sum else loop_energy, parameters),
        positions=drawn(draw_start, seed // config.runs_per_start, 0),
        name="loop",
        energy_sample=_sampled_energy(config, parameters),
        sample_epoch=config.repulsion_epoch,
        draw_start=draw_start,
        runs_per_start=config.runs_per_start,
        draw_configuration=Partial(_spread_normal, like, half * first_spread, half * last_spread),
        hessian_samples=samples,
        coupling_terms=coupling_terms(parameters, n),
        background_terms=partial(repulsion_terms, parameters, n),
        edges=np.concatenate([bonds, loops]),
        edge_weights=np.concatenate([np.ones(len(bonds)), np.full(len(loops), config.loop_strength)]),
        bonds=Contacts(bonds, bond_length),
        contacts=Contacts(loops, lj_length),
        energy_bound=energy_bound(parameters, n),
        energy_definition="mean over pairs",
        mean_over=config.mean_over,
    )


def _is_fast_alone(config: LoopConfig) -> bool:
    return config.repulsion is Repulsion.fast and config.reports_fast_sum


def _sampled_energy(config: LoopConfig, parameters: LoopParameters) -> Partial | None:
    if config.repulsion is Repulsion.exact or _is_fast_alone(config):
        return None
    if config.repulsion is Repulsion.fast:
        return Partial(fast_loop_energy_sample, parameters)
    if config.pairs is Pairs.independent:
        return Partial(loop_energy_by_pairs, parameters)
    # Any random order will do, and one and the same keeps runs comparable.
    order = on_device(np.random.default_rng(0).permutation(config.n))
    return Partial(loop_energy_by_shifts, parameters, order)


def _scaled_normal(like: Array, scale: float | Array, key: Array) -> Array:
    return scale * jax.random.normal(key, like.shape, like.dtype)


def _spread_normal(like: Array, first: float | Array, last: float | Array, key: Array, t: Array) -> Array:
    return _scaled_normal(like, first + (last - first) * t, key)


CHOICE = LoopConfig
