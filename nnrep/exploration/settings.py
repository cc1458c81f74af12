"""`ExploreConfig`: how minima are searched for."""

import math
from dataclasses import field
from typing import Any, NamedTuple

from nnrep.choices.identity import NO_PART, matters_if
from nnrep.choices.settings import settings
from nnrep.dynamics.forces import has_slow_forces
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.dynamics.units import FS_PER_PS
from nnrep.errors import is_number, require
from nnrep.systems.system import System

FILE = "explore/replica_exchange"
TEMPERATURES_K = (300.0, 324.0, 351.0, 379.0, 410.0)
OUTER_EVERY = 2  # in a solvent
OF_HYDROGENS = ("hydrogen_mass_dalton", "mass_rule", "constraints")  # keys
MOST_STEPS = 2_000_000_000  # of a ladder, which counts in 32 bits; the rest is for an annealing of its frames
MOST_ANNEALING = 100_000_000


class Usual(NamedTuple):
    """What follows from a system's unit of energy where a key is null.

    Attributes:
        anneal_steps: of a frame, before its minimisation.
        rms_force: at which a quench ends.
        energy: by which minima differ; far more than quenches that end at this force leave undecided.
    """

    anneal_steps: int
    rms_force: float
    energy: float


# By unit of energy; forces are in that unit by that of length which belongs to it (`nnrep.dynamics.units`).
USUAL = {
    "kJ/mol": Usual(anneal_steps=500, rms_force=2.0, energy=0.1),
    "eV": Usual(anneal_steps=500, rms_force=2e-3, energy=1e-3),  # about the same forces and energies
    "": Usual(anneal_steps=0, rms_force=1e-4, energy=1e-3),
}


def usual_of(energy_unit: str) -> Usual:
    """What is usual for a unit of energy.

    Raises:
        ConfigError: it is none of `USUAL`, which are those that dynamics knows.
    """
    known = ", ".join(filter(None, USUAL))
    require(energy_unit in USUAL, "energy_unit", f"one of {known}, or empty", energy_unit)
    return USUAL[energy_unit]


def may_have_hydrogens(system: System) -> bool:
    """Whether particles have masses in dalton, by which hydrogens are known; without units they have not."""
    return system.masses is not None and bool(system.energy_unit)


@settings(FILE, "quench")
class QuenchConfig:
    """`explore.quench`: how a frame is quenched.

    Attributes:
        anneal_steps: of the annealing of a frame before its minimisation, 0 for none; None for those of
            `USUAL`.
        map_steps: most steps through a map.
        steps: most steps in all.
        rms_force: at which a quench ends; None for that of `USUAL`.
    """

    anneal_steps: int | None
    map_steps: int
    steps: int
    rms_force: float | None

    def __post_init__(self) -> None:
        """Check the ranges."""
        steps, allowed = self.anneal_steps, f"from 0 to {MOST_ANNEALING}, or null"
        require(steps is None or 0 <= steps <= MOST_ANNEALING, "anneal_steps", allowed, steps)
        for name, least in (("map_steps", 0), ("steps", 1)):
            value = getattr(self, name)
            require(least <= value < 2**31, name, f"from {least} to 2^31 - 1", value)
        force, allowed = self.rms_force, "positive, or null"
        require(force is None or 0 < force < math.inf, "rms_force", allowed, force)

    def annealing(self, energy_unit: str) -> int:
        """Steps of the annealing of a frame of a system with this unit of energy; empty where it has none."""
        return usual_of(energy_unit).anneal_steps if self.anneal_steps is None else self.anneal_steps

    def rest(self, energy_unit: str, mean_over: int = 1) -> float:
        """The RMS force at which a quench ends.

        Args:
            energy_unit: of the system; empty where it has none.
            mean_over: of how many terms its energy is the mean: forces are as many times smaller.
        """
        if self.rms_force is not None:
            return self.rms_force
        return usual_of(energy_unit).rms_force / mean_over


@settings(FILE, "same")
class SameConfig:
    """`explore.same`: when two minima count as one; see `nnrep.exploration.shape.same_minimum`.

    Attributes:
        rmsd: in Angstrom, or in the own unit of a system without one; None: as suits the system.
        energy: in the system's unit; None: as suits the system.
    """

    rmsd: float | None
    energy: float | None

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("rmsd", "energy"):
            value = getattr(self, name)
            require(value is None or 0 <= value < math.inf, name, "zero or positive, or null", value)


@settings(FILE)
class ExploreConfig:
    """`explore`: how minima are searched for; the keys that `DynamicsSettings` has mean what they do there.

    Attributes:
        name: of the method.
        temperatures_k: of the replicas of a ladder; None for those of molecules.
        outer_every: None for `OUTER_EVERY` in a solvent, else 1.
        container_radius: of what may fall apart; None for that of the system, infinite for none.
        quench_every: steps after which the frames of all replicas are quenched.
        quench: how.
        same: when two minima count as one.
        most_minima: in the list of a ladder.
        finished_minima: how many are minimised by a schedule at the end.
        time_limit_s: seconds of the search; None for ever.
        steps: most steps of a ladder; None for `MOST_STEPS`.
        patience: steps without a fall of the lowest energy after which the search ends; None for any number.
        min_delta: fall of the lowest energy that counts for that; None for the energy of `USUAL`.
        workers: most processes for the ladders; None for as many as there is room for.
    """

    name: str
    temperatures_k: Any
    time_step_fs: float
    outer_every: int | None
    friction_per_ps: float
    hydrogen_mass_dalton: float | None
    mass_rule: MassRule = field(
        metadata=matters_if(
            lambda explore: explore.hydrogen_mass_dalton is not None,
            "explore.hydrogen_mass_dalton=null leaves all masses as they are",
        )
    )
    fastest_period_fs: float | None
    constraints: Constraints
    container_radius: float | None
    exchange_every: int
    quench_every: int
    quench: QuenchConfig
    same: SameConfig
    most_minima: int
    finished_minima: int
    # Where a search ends: one that goes on may end later.
    time_limit_s: float | None = field(metadata=NO_PART)
    steps: int | None = field(metadata=NO_PART)
    patience: int | None = field(metadata=NO_PART)
    min_delta: float | None = field(
        metadata={
            **NO_PART,
            **matters_if(lambda explore: explore.patience is not None, "explore.patience is null"),
        }
    )
    workers: int | None = field(metadata=NO_PART)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        kelvin = self.temperatures_k
        listed = isinstance(kelvin, list) and all(map(is_number, kelvin))
        require(kelvin is None or listed, "temperatures_k", "a list of numbers, or null", kelvin)
        every = self.outer_every
        require(every is None or every >= 1, "outer_every", "at least 1, or null", every)
        self.dynamics_with(self._kelvin, every or 1, has_hydrogens=True)
        radius, allowed = self.container_radius, "positive, or null"
        require(radius is None or radius > 0, "container_radius", allowed, radius)
        quench, exchange = self.quench_every, self.exchange_every
        often, allowed = 1 <= quench <= MOST_STEPS, f"from 1 to {MOST_STEPS}"
        require(often, "quench_every", allowed, quench)
        require(quench % exchange == 0, "quench_every", f"a multiple of exchange_every={exchange}", quench)
        require(1 <= self.most_minima <= 10_000, "most_minima", "from 1 to 10000", self.most_minima)
        finished, most = self.finished_minima, self.most_minima
        require(1 <= finished <= most, "finished_minima", f"from 1 to most_minima={most}", finished)
        seconds, allowed = self.time_limit_s, "positive, or null"
        require(seconds is None or 0 < seconds < math.inf, "time_limit_s", allowed, seconds)
        for name in ("steps", "patience"):
            value, allowed = getattr(self, name), f"from 1 to {MOST_STEPS}, or null"
            require(value is None or 1 <= value <= MOST_STEPS, name, allowed, value)
        workers = self.workers
        require(workers is None or workers >= 1, "workers", "at least 1, or null", workers)
        limits = (self.time_limit_s, self.steps, self.patience)
        require(
            any(each is not None for each in limits), "time_limit_s", "a number, or steps or patience", "null"
        )
        whole, allowed = (
            self.steps is None or self.steps % quench == 0,
            f"a multiple of quench_every={quench}",
        )
        require(whole, "steps", allowed, self.steps)
        fall, allowed = self.min_delta, "zero or positive, or null"
        require(fall is None or 0 <= fall < math.inf, "min_delta", allowed, fall)

    @property
    def _kelvin(self) -> list[float]:
        return list(TEMPERATURES_K) if self.temperatures_k is None else self.temperatures_k

    @property
    def last_step(self) -> int:
        """At which a ladder is at its end."""
        return self.steps or MOST_STEPS // self.quench_every * self.quench_every

    @property
    def time_step_ps(self) -> float:
        """Of the integrator, in picoseconds."""
        return self.time_step_fs / FS_PER_PS

    def least_fall(self, energy_unit: str, mean_over: int = 1) -> float:
        """The fall of the lowest energy that counts for patience.

        Args:
            energy_unit: of the system; empty where it has none.
            mean_over: of how many terms its energy is the mean.
        """
        return usual_of(energy_unit).energy / mean_over if self.min_delta is None else self.min_delta

    def dynamics_with(
        self, temperatures: list[float], outer_every: int, has_hydrogens: bool
    ) -> DynamicsSettings:
        """The settings of the dynamics; raises `ConfigError` for a value out of range."""
        return DynamicsSettings(
            time_step_fs=self.time_step_fs,
            outer_every=outer_every,
            friction_per_ps=self.friction_per_ps,
            temperatures_k=temperatures,
            exchange_every=self.exchange_every,
            hydrogen_mass_dalton=self.hydrogen_mass_dalton if has_hydrogens else None,
            mass_rule=self.mass_rule,
            fastest_period_fs=self.fastest_period_fs,
            constraints=self.constraints if has_hydrogens else Constraints.none,
        )

    def dynamics(self, system: System) -> DynamicsSettings:
        """Those of a system, with what is left open.

        Raises:
            ConfigError: temperatures must be given for the system.
        """
        with_units, kelvin = bool(system.energy_unit), self.temperatures_k
        allowed = "given for a system without units, in its unit of energy, such as [0.1,0.15,0.2]"
        require(with_units or kelvin is not None, "temperatures_k", allowed, kelvin)
        outer = self.outer_every or (OUTER_EVERY if has_slow_forces(system) else 1)
        return self.dynamics_with(self._kelvin, outer, may_have_hydrogens(system))
