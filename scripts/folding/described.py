"""The arms in words and colours, in the order in which they are shown."""

from typing import NamedTuple

from folding.arms.registry import SLOW_MODES
from folding.naming import parsed
from folding.problem import explore_config
from nnrep.exploration.settings import TEMPERATURES_K
from nnrep.records.palette import NEUTRAL, PALEST, method_color, mixed

SOLID, DASHED = "-", (0, (4, 1.5))


class Described(NamedTuple):
    """An arm.

    Attributes:
        title: in pictures and tables.
        does: what it does, a sentence.
        color: "#RRGGBB".
        line: as matplotlib has it.
    """

    title: str
    does: str
    color: str
    line: str | tuple = SOLID


_usual = explore_config()
_LADDER = (
    f"Langevin dynamics at {_usual.time_step_fs:g} fs, hydrogens of {_usual.hydrogen_mass_dalton:g} dalton, "
    f"a ladder of temperatures that exchange every {_usual.exchange_every} steps; all replicas are annealed "
    f"and quenched every {_usual.quench_every} steps."
)
ARMS = {
    "cartesian": Described("replica exchange", _LADDER, method_color("none")),
    "slow_modes": Described(
        "slow-mode masses",
        "As replica exchange; a mass matrix leaves slow modes their masses and slows fast ones to "
        f"{SLOW_MODES['fastest_period_fs']:g} fs, so that a step is {SLOW_MODES['time_step_fs']:g} fs.",
        method_color("cg"),
    ),
    "torsion_quenches": Described(
        "quenches through torsions",
        "As replica exchange; frames are quenched through torsion angles first.",
        method_color("torsion"),
    ),
    "torsion_moves": Described(
        "moves in torsions",
        "Monte Carlo with minimisation: torsions of the last accepted minimum are turned at random, the "
        "chain is quenched through torsions, and Metropolis's rule decides.",
        method_color("torsion"),
        DASHED,
    ),
    "annealing": Described(
        "annealing",
        "Langevin dynamics of one replica that is cooled in cycles, with the time step and the masses of "
        "replica exchange, from where the chain comes to through slow modes of the Hessian.",
        method_color("smooth"),
    ),
    "single_temperature": Described(
        "one temperature",
        "As replica exchange, with one replica at one temperature.",
        method_color("none"),
        DASHED,
    ),
    "openmm": Described(
        "OpenMM",
        "OpenMM's Langevin dynamics of the same energy at one temperature, on its CPU platform with one "
        "thread; quenches are those of the others.",
        method_color("openmm_dynamics"),
    ),
}


def described(arm: str) -> Described:
    """An arm; one without words is called by its name. Of several temperatures the colder is paler."""
    kind, kelvin = parsed(arm)
    of_kind = ARMS.get(kind, Described(kind, "", NEUTRAL))
    if kelvin is None:
        return of_kind
    coldest, hottest = TEMPERATURES_K[0], TEMPERATURES_K[-1]
    share = min(max((hottest - kelvin) / (hottest - coldest), 0.0), 1.0)
    return of_kind._replace(
        title=f"{of_kind.title}, {kelvin:g} K", color=mixed(of_kind.color, "#FFFFFF", PALEST * share)
    )


def in_order(arms: list[str]) -> list[str]:
    """Arms as they are shown, each once."""
    known = list(ARMS)

    def place(arm: str) -> tuple:
        kind, kelvin = parsed(arm)
        return known.index(kind) if kind in known else len(known), kind, kelvin or 0.0

    return sorted(set(arms), key=place)
