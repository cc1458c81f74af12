"""`DynamicsSettings`: how a ladder of replicas moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from nnrep.errors import require


class MassRule(Enum):
    """Where heavy hydrogens get their mass: from the atom that they are bonded to, or from nowhere."""

    repartitioned = "repartitioned"
    added = "added"


class Constraints(Enum):
    """Which bonds have a fixed length: none, or those of hydrogens."""

    none = "none"
    hydrogen_bonds = "hydrogen_bonds"


@dataclass(frozen=True, kw_only=True)
class DynamicsSettings:
    """Numbers of Langevin dynamics with replica exchange.

    Only the number of temperatures is part of a program: all other numbers are traced.

    Attributes:
        time_step_fs: of the fast forces.
        outer_every: the solvent's forces act in every such step, as many times as strong (r-RESPA); 1: in
            every step, the only value for a system without a solvent.
        friction_per_ps: of Langevin dynamics; 0 conserves the energy.
        temperatures_k: (R,) rising, one a replica; equal ones are independent copies of no use to a ladder.
        exchange_every: steps from one exchange of neighbours to the next; a multiple of outer_every.
        hydrogen_mass_dalton: of hydrogens; None for their own mass.
        mass_rule: where heavier hydrogens get their mass from. Static properties are the same for all masses.
        fastest_period_fs: to which faster vibrations are slowed by a mass matrix, see `mass_matrix`; None:
            masses are those of atoms.
        constraints: which bonds have a fixed length, the force field's; dynamics has no energy in them then.
        hold_centre: whether the momentum of the centre of mass is held at zero; None: for molecules, if no
            atom is frozen or restrained.
    """

    time_step_fs: float
    outer_every: int
    friction_per_ps: float
    temperatures_k: Sequence[float]
    exchange_every: int
    hydrogen_mass_dalton: float | None
    mass_rule: MassRule
    fastest_period_fs: float | None
    constraints: Constraints
    hold_centre: bool | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(0 < self.time_step_fs < math.inf, "time_step_fs", "positive", self.time_step_fs)
        require(self.outer_every >= 1, "outer_every", "at least 1", self.outer_every)
        friction = self.friction_per_ps
        require(0 <= friction < math.inf, "friction_per_ps", "zero or positive", friction)
        kelvin = tuple(float(each) for each in self.temperatures_k)
        rising = all(low <= high for low, high in pairwise(kelvin))
        usable = len(kelvin) > 0 and rising and all(0 < each < math.inf for each in kelvin)
        require(usable, "temperatures_k", "positive and rising, at least one", list(kelvin))
        object.__setattr__(self, "temperatures_k", kelvin)
        every, allowed = self.exchange_every, f"a positive multiple of outer_every={self.outer_every}"
        require(every >= 1 and every % self.outer_every == 0, "exchange_every", allowed, every)
        require(every < 2**31, "exchange_every", "below 2^31", every)
        mass = self.hydrogen_mass_dalton
        usable = mass is None or 0 < mass < math.inf
        require(usable, "hydrogen_mass_dalton", "positive, or null", mass)
        period = self.fastest_period_fs
        usable = period is None or 0 < period < math.inf
        require(usable, "fastest_period_fs", "positive, or null", period)
        free = period is None or self.constraints is Constraints.none
        require(free, "constraints", "none with fastest_period_fs", self.constraints.value)
