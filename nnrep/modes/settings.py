"""`modes`: which modes a configuration asks for, and how many."""

import math
from dataclasses import field, fields
from enum import Enum
from typing import Any

from nnrep.choices.identity import counts_if, matters_if
from nnrep.choices.settings import settings
from nnrep.errors import named_under, require
from nnrep.modes.backbone import Backbone
from nnrep.modes.eigensolvers import Solver
from nnrep.modes.normal import check_normal_solver
from nnrep.modes.slow import ModesOf, check_unsampled, mode_count
from nnrep.systems.settings import Size

DEFAULT_MODE_SHARE = 0.25
DEFAULT_MODES_PER_RESIDUE = 3  # of proteins, as in the paper


class At(Enum):
    """Where the modes of a stage are taken: at the run's start, or where it begins, each seed for itself."""

    start = "start"
    stage = "stage"


_IF_SAMPLED = matters_if(
    lambda modes: modes.of is ModesOf.backbone and modes.at is At.start,
    lambda modes: (
        ("modes.at=stage" if modes.at is At.stage else f"modes.of={modes.of.value}") + " samples nothing"
    ),
)
_IF_OF_BACKBONE = matters_if(
    lambda modes: modes.of is ModesOf.backbone, lambda modes: f"modes.of={modes.of.value} samples nothing"
)
_DENSE = "modes.at=stage takes a dense solver"


@settings("modes/sampled")
class ModesConfig:
    """`modes`: which modes, of which matrix; see `nnrep.slow_modes`.

    Attributes:
        of: the Laplacian of the Hessian's backbone or of the couplings' graph, or the Hessian itself.
        backbone: mean_norm or sum_square.
        at: the run's start, or where each stage begins: the Hessian is taken there, and sampled nowhere.
        epsilon: all modes below epsilon^2 of the largest eigenvalue; null to ask by reparam.modes.
        seed: of the Hessian samples.
        samples: how many, null for the system's own number.
        noise: standard deviation around the start, of proteins in Angstrom; null for the system's own
            configurations.
        background: include pairs without a coupling of their own.
        solver: of the eigenproblem.
        max_products: most products that Lanczos may take.
    """

    of: ModesOf
    backbone: Backbone = field(metadata=_IF_OF_BACKBONE)
    at: At = field(metadata=counts_if(lambda modes: modes.at is At.stage))
    epsilon: float | None
    seed: int = field(metadata=_IF_SAMPLED)
    samples: int | None = field(metadata=_IF_SAMPLED)
    noise: float | None = field(metadata=_IF_SAMPLED)
    background: bool = field(metadata=_IF_SAMPLED)
    solver: Solver = field(metadata=matters_if(lambda modes: modes.at is At.start, _DENSE))
    max_products: int = field(
        metadata=matters_if(
            lambda modes: modes.solver in (Solver.auto, Solver.lanczos) and modes.at is At.start,
            lambda modes: (
                _DENSE if modes.at is At.stage else f"modes.solver={modes.solver.value} takes no products"
            ),
        )
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        epsilon = self.epsilon
        here = self.at is At.stage
        same = "start, as modes of=graph are the same everywhere"
        require(not here or self.of is not ModesOf.graph, "at", same, self.at.value)
        known = "null, as the number of modes is known beforehand with at=stage"
        require(not here or epsilon is None, "epsilon", known, epsilon)
        require(epsilon is None or 0 < epsilon <= 1, "epsilon", "above 0 and at most 1, or null", epsilon)
        require(0 <= self.seed < 2**31, "seed", "from 0 to 2^31 - 1", self.seed)
        samples = self.samples
        countable = samples is None or 1 <= samples < 2**31
        require(countable, "samples", "from 1 to 2^31 - 1, or null", samples)
        noise = self.noise
        require(noise is None or 0 <= noise < math.inf, "noise", "zero or positive, or null", noise)
        products = self.max_products
        require(1 <= products < 2**31, "max_products", "from 1 to 2^31 - 1", products)
        if self.of is not ModesOf.backbone:
            check_unsampled(self.of, self.samples, noise, self.background)
        if self.of is ModesOf.hessian:
            check_normal_solver(self.solver)


MODES_KEYS = frozenset(each.name for each in fields(ModesConfig))


def count_of_modes(wanted: Any, modes: ModesConfig, size: Size) -> int | None:
    """How many modes are wanted of a system; None for modes.epsilon.

    Args:
        wanted: `reparam.modes`: a count, a share, "3*residues", or None for the default.
        modes: which modes.
        size: of the system.

    Raises:
        ConfigError: reparam.modes is no number of modes that the system has.
    """
    of_hessian = modes.of is ModesOf.hessian
    n = (size.n - size.frozen) * (size.dim if of_hessian else 1)
    if modes.epsilon is not None:
        return None
    if wanted is not None:
        with named_under("reparam"):
            return mode_count(wanted, n, size.residues, "n d" if of_hessian else "n")
    if size.residues:
        return min(n, DEFAULT_MODES_PER_RESIDUE * size.residues)
    # A handful at least: the first mode only moves all particles together.
    return min(n, max(4, round(DEFAULT_MODE_SHARE * n)))
