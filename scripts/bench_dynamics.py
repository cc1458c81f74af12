"""Langevin dynamics: how fast it is, and how far from what it should be.

speed     of molecules: microseconds of the process's own time a step, and ns an hour of it, float32
drift     of alanine dipeptide without friction, float64: slope of the total energy, kJ/mol/ns/atom, and its
          standard deviation about the slope, kJ/mol
bias      of alanine dipeptide by degree of freedom, float32: temperatures that the averages of the kinetic
          energy (kinetic), of |grad U|^2 / lap U (config), and of the force field's own k (x - x0)^2 of bonds
          and angles, of hydrogens and others, stand for, with errors. The last four are no temperatures, as
          other forces pull on bonds: compare them with those of the first row. With rigid bonds "config" is
          none either
torsions  of alanine dipeptide: populations of four regions of phi and psi, with errors of the mean from ten
          blocks; and how often psi turns between 120 +- 60 and -30 +- 30 degrees, in a ns and in a million
          steps

All in GBn2. Schemes: plain masses; heavy hydrogens of 6 dalton, whose mass is added; repartitioned ones of
3 dalton; rigid bonds to hydrogen; rigid_repartitioned, both; a mass_matrix with no period below 60 fs, or,
as mass_matrix_100, below another one. "4/2" is 4 fs with the solvent in every second step. "openmm_heavy:4"
is OpenMM's LangevinMiddleIntegrator on OpenMM's energy with these masses, of speed and torsions.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import openmm
from dipeptide import dipeptide_file
from openmm_dynamics import dynamics_of

import nnrep
from nnrep.choices.settings import build
from nnrep.dynamics.langevin import Phase, in_step, kinetic_energy, run_steps
from nnrep.dynamics.mechanics import mechanics_of
from nnrep.dynamics.replica_exchange import Ladder, Observed, advance, start_ladder
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.energies.amber import AmberParameters
from nnrep.host.runtime import compute_with_one_thread
from nnrep.structures.molecule import Molecule
from nnrep.structures.prepare import Preparation, prepared
from nnrep.structures.simulation import positions_of
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System

BOLTZMANN = 8.31446261815324e-3  # kJ/mol/K
KELVIN = 300.0
RIGID = {"constraints": Constraints.hydrogen_bonds}
SCHEMES: dict[str, dict[str, Any]] = {
    "plain": {},
    "heavy": {"hydrogen_mass_dalton": 6.0, "mass_rule": MassRule.added},
    "repartitioned": {"hydrogen_mass_dalton": 3.0},
    "rigid": RIGID,
    "rigid_repartitioned": {"hydrogen_mass_dalton": 3.0, **RIGID},
    "mass_matrix": {"fastest_period_fs": 60.0},
}
HEAVY = ("heavy:4", "heavy:4/2", "repartitioned:4/2", "rigid_repartitioned:4/2")
REGIONS = ("beta", "ppii", "alpha", "left")
BLOCKS = 10
MATRIX_OF = "mass_matrix_"  # before a period in fs
BY_OPENMM = "openmm_"  # before a scheme of masses
OBSERVED_FS = 200.0  # from one frame whose torsions are looked at to the next
PIECE = 250  # energies that are computed at a time


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "drift", "bias", "torsions"])
    parser.add_argument("--molecules", nargs="+", default=["5AWL", "2JOF"])
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--plan", nargs="+", default=[], help='what is measured: "plain:2 heavy:4/2"')
    parser.add_argument("--ns", type=float, default=1.0, help="of each measurement, all replicas together")
    parser.add_argument("--replicas", type=int, default=8, help="of one temperature")
    parser.add_argument("--kelvin", type=float, default=KELVIN)
    parser.add_argument("--friction", type=float, default=2.0, help="of torsions, in 1/ps")
    options = parser.parse_args()
    compute_with_one_thread()
    jax.config.update("jax_enable_x64", options.what == "drift")
    {"speed": speed, "drift": drift, "bias": bias, "torsions": torsions}[options.what](options)


class Step(NamedTuple):
    """A time step in fs, and in which of them the solvent acts."""

    length: float
    outer: int

    @property
    def text(self) -> str:
        return f"{self.length:g}" if self.outer == 1 else f"{self.length:g}/{self.outer}"


def plan_of(options: Any, *usual: str) -> list[tuple[str, Step]]:
    """Schemes and time steps: "heavy:4/2"."""
    plan = []
    for text in options.plan or usual:
        scheme, _, step = text.partition(":")
        length, _, outer = step.partition("/")
        plan.append((scheme, Step(float(length), int(outer or 1))))
    return plan


def settings(scheme: str, step: Step, kelvin: list[float], **changed: Any) -> DynamicsSettings:
    usual = {
        "time_step_fs": step.length,
        "outer_every": step.outer,
        "friction_per_ps": 2.0,
        "temperatures_k": kelvin,
        "exchange_every": 100 * step.outer,
        "hydrogen_mass_dalton": None,
        "mass_rule": MassRule.repartitioned,
        "fastest_period_fs": None,
        "constraints": Constraints.none,
    }
    return DynamicsSettings(**usual | _masses(scheme) | changed)


def _masses(scheme: str) -> dict[str, Any]:
    """Those of a scheme."""
    period = scheme.removeprefix(MATRIX_OF)
    return {"fastest_period_fs": float(period)} if period != scheme else SCHEMES[scheme]


def minimised(molecule: Molecule) -> System:
    system = protein_system(
        build(ProteinConfig, {"name": "protein", "solvent": "gbn2"}), molecule, padded=True
    )
    found = nnrep.minimize(system, optimizer=nnrep.lbfgs(), max_steps=200).positions[0]
    return replace(system, positions=system.with_dummies(np.asarray(found)))


def dipeptide() -> Molecule:
    with TemporaryDirectory() as folder:
        return prepared(str(dipeptide_file(Path(folder))), [], Preparation())


def print_row(*values: object) -> None:
    print(
        " ".join(f"{value:>19}" if at == 0 else f"{value:>9}" for at, value in enumerate(values)), flush=True
    )


def speed(options: Any) -> None:
    print_row("scheme", "molecule", "atoms", "step_fs", "us/step", "ns/hour")
    for name in options.molecules:
        system = minimised(prepared(name, options.structures, Preparation()))
        for scheme, step in plan_of(options, "heavy:4/2", "rigid_repartitioned:4/2"):
            run = steps_of(system, scheme, step, options.kelvin)
            run(100 * step.outer)
            seconds = []
            for _ in range(5):
                began = time.process_time()
                run(1000)
                seconds.append((time.process_time() - began) / 1000)
            each = min(seconds)
            rate = 3600 * step.length * 1e-6 / each
            print_row(scheme, name, system.n, step.text, f"{1e6 * each:.1f}", f"{rate:.0f}")


def steps_of(system: System, scheme: str, step: Step, kelvin: float) -> Callable[[int], None]:
    """What takes so many steps."""
    if scheme.startswith(BY_OPENMM):
        context = simulation_of(system, settings(scheme.removeprefix(BY_OPENMM), step, [kelvin]))
        return lambda steps: context.getIntegrator().step(steps)  # which keeps the context
    chosen = settings(scheme, step, [kelvin])
    ladder = start_ladder(system, chosen, 0)

    def run(steps: int) -> None:
        nonlocal ladder
        ladder, _ = advance(system, chosen, ladder, steps)

    return run


def drift(options: Any) -> None:
    system = minimised(dipeptide())
    print_row("scheme", "step_fs", "drift", "spread")
    for scheme, step in plan_of(options, *(f"plain:{step}" for step in ("0.5", "1", "2")), "rigid:2", *HEAVY):
        warm = settings(scheme, Step(1.0, 1), [options.kelvin])
        start, _ = advance(system, warm, start_ladder(system, warm, 0), 5000)
        chosen = settings(scheme, step, [options.kelvin])
        times, energies = energies_in_time(system, chosen, start, options.ns)
        slope, constant = np.polyfit(times, energies, 1)
        spread = np.std(energies - slope * times - constant)
        print_row(scheme, step.text, f"{slope / system.n:.4f}", f"{spread:.3f}")


def energies_in_time(
    system: System, chosen: DynamicsSettings, start: Ladder, ns: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times in ns and total energies in kJ/mol without friction, each after some 40 fs."""
    mechanics = mechanics_of(system, replace(chosen, friction_per_ps=0.0))
    every = max(1, round(40 / chosen.time_step_fs / chosen.outer_every)) * chosen.outer_every
    count, blocks = int(1e6 * ns / (chosen.time_step_fs * every)), []
    phase = Phase(start.positions[0], start.velocities[0])
    numbers = every * np.arange(PIECE, dtype=np.int32)
    for _ in range(-(-count // PIECE)):  # pieces of one length share a program
        phase, energies = _energies(mechanics, phase, numbers, np.int32(every))
        blocks.append(np.asarray(energies))
    seen = np.concatenate(blocks)
    return 1e-6 * chosen.time_step_fs * every * np.arange(1, len(seen) + 1), seen


@jax.jit
def _energies(mechanics: Any, phase: Phase, numbers: jax.Array, every: jax.Array) -> tuple:
    def seen(phase: Phase, number: jax.Array) -> tuple[Phase, jax.Array]:
        phase, _ = run_steps(mechanics, phase, jnp.zeros(()), jax.random.key(0), number, every)
        velocities = in_step(mechanics, phase, number + every)
        energy = mechanics.forces.energy(phase.positions)
        return phase, energy + kinetic_energy(mechanics.particles, velocities)

    return jax.lax.scan(seen, phase, numbers)


def frames(
    system: System, chosen: DynamicsSettings, ns: float, every_fs: float
) -> Iterator[tuple[np.ndarray, Observed]]:
    """Positions (R, n, 3) of all replicas, after a tenth as many that are left out."""
    ladder = start_ladder(system, chosen, 0)
    every = max(1, round(every_fs / chosen.time_step_fs / chosen.outer_every)) * chosen.outer_every
    count = int(1e6 * ns / (chosen.time_step_fs * every * len(chosen.temperatures_k)))
    for number in range(count + count // 10):
        ladder, observed = advance(system, chosen, ladder, every)
        if number >= count // 10:
            yield np.asarray(ladder.positions), observed


def bias(options: Any) -> None:
    system = minimised(dipeptide())
    estimate = jax.jit(jax.vmap(estimates_of(system), in_axes=(0, None)))
    print_row("scheme", "step_fs", "kinetic", "config", *PARTS)
    for scheme, step in plan_of(options, "plain:0.5", "plain:2", "rigid:2", *HEAVY):
        chosen = settings(scheme, step, [options.kelvin] * options.replicas, friction_per_ps=5.0)
        seen, kinetic = [], []
        for number, (positions, observed) in enumerate(frames(system, chosen, options.ns, 100.0)):
            seen.append(np.mean(estimate(positions, jax.random.key(number)), axis=0))
            kinetic.append(np.mean(observed.mean_kinetic_temperatures))
        table = np.column_stack([kinetic, seen])
        means, errors = temperatures(table), blocked(table, temperatures)
        print_row(scheme, step.text, *(f"{each:.1f}" for each in means))
        print_row("+-", "", *(f"{each:.1f}" for each in errors))


def temperatures(table: np.ndarray) -> np.ndarray:
    """Temperatures (6,) of frames (m, 7): kinetic, |grad U|^2 / k, lap U, and those of `PARTS`."""
    kinetic, slope, curved, *parts = np.mean(table, axis=0)
    return np.array([kinetic, slope / curved, *parts])


PARTS = ("bonds_h", "bonds", "angles_h", "angles")


def estimates_of(system: System) -> Any:
    """A function (positions, key) -> (6,): |grad U|^2 / k, an estimate of lap U, those of `PARTS` in K."""
    leaves = jax.tree.leaves(system.energy, is_leaf=lambda node: isinstance(node, AmberParameters))
    (parameters,) = [leaf for leaf in leaves if isinstance(leaf, AmberParameters)]
    hydrogen = np.pad(np.asarray(system.masses) < 2, (0, system.dummies))
    moves = jnp.asarray(np.arange(len(system.positions)) < system.n)[:, None]
    bonds, angles = parameters.bonds, parameters.angles
    of_bonds = hydrogen[np.asarray(bonds.pairs)].any(axis=1)
    of_angles = hydrogen[np.asarray(angles.triples)].any(axis=1)

    def mean_of(values: jax.Array, stiffness: jax.Array, of_hydrogen: np.ndarray) -> list[jax.Array]:
        counts = stiffness > 0
        masks = counts & of_hydrogen, counts & ~of_hydrogen
        return [jnp.sum(jnp.where(mask, values, 0)) / jnp.sum(mask) / BOLTZMANN for mask in masks]

    def estimates(positions: jax.Array, key: jax.Array) -> jax.Array:
        gradient = jax.grad(system.energy)
        probe = jax.random.rademacher(key, positions.shape, positions.dtype) * moves
        slope, curved = jax.jvp(gradient, (positions,), (probe,))
        i, j = bonds.pairs.T
        stretch = jnp.linalg.norm(positions[i] - positions[j], axis=1) - bonds.length
        one, middle, other = (positions[angles.triples[:, k]] for k in range(3))
        a, b = one - middle, other - middle
        bend = jnp.arctan2(jnp.linalg.norm(jnp.cross(a, b), axis=1), jnp.sum(a * b, axis=1)) - angles.angle
        parts = mean_of(bonds.stiffness * stretch**2, bonds.stiffness, of_bonds)
        parts += mean_of(angles.stiffness * bend**2, angles.stiffness, of_angles)
        return jnp.stack([jnp.sum(slope**2) / BOLTZMANN, jnp.sum(probe * curved), *parts])

    return estimates


def blocked(values: np.ndarray, of: Any) -> np.ndarray:
    """The standard errors (k,) of what a function gives of a series (m, ...), from blocks."""
    means = np.array([of(block) for block in np.array_split(values, BLOCKS)])
    return np.std(means, axis=0, ddof=1) / np.sqrt(BLOCKS)


def torsions(options: Any) -> None:
    molecule = dipeptide()
    system = minimised(molecule)
    atoms = {(atom.residue.name, atom.name): atom.index for atom in molecule.topology.atoms()}
    backbone = [("ACE", "C"), ("ALA", "N"), ("ALA", "CA"), ("ALA", "C"), ("NME", "N")]
    own = [atoms[key] for key in backbone]
    print_row("engine", "step_fs", *REGIONS, "us/step", "turns/ns", "per 1e6")
    for scheme, step in plan_of(options, "plain:2", "rigid_repartitioned:4/2", "openmm_plain:2"):
        began = time.process_time()
        backbones = np.array([x[:, own] for x in trajectory(system, scheme, step, options)])
        seen = [populations(each) for each in backbones]
        each = (time.process_time() - began) / (1.1e6 * options.ns / step.length)
        means, errors = np.mean(seen, axis=0), blocked(np.array(seen), lambda block: np.mean(block, axis=0))
        count = turns(backbones) / options.ns
        rates = f"{count:.1f}", f"{count * step.length:.0f}"
        print_row(scheme, step.text, *(f"{mean:.3f}" for mean in means), f"{1e6 * each:.1f}", *rates)
        doubt = np.sqrt(count / options.ns)
        rates = f"{doubt:.1f}", f"{doubt * step.length:.0f}"
        print_row("+-", "", *(f"{error:.3f}" for error in errors), "", *rates)


def turns(backbones: np.ndarray) -> int:
    """How often psi of backbones (m, R, 5, 3) in time has gone from one of two regions to the other."""
    psi = np.array([np.degrees(torsion(each[:, 1:5])) for each in backbones])
    region = np.where((psi > 60) & (psi < 180), 1, np.where((psi > -60) & (psi < 0), 2, 0))
    return sum(int(np.count_nonzero(np.diff(each[each > 0]))) for each in region.T)


def trajectory(system: System, scheme: str, step: Step, options: Any) -> Iterator[np.ndarray]:
    """Positions (R, n, 3) of replicas every 200 fs, of OpenMM's dynamics if the scheme says so."""
    is_openmm = scheme.startswith(BY_OPENMM)
    kelvin = [options.kelvin] * (1 if is_openmm else options.replicas)
    chosen = settings(scheme.removeprefix(BY_OPENMM), step, kelvin, friction_per_ps=options.friction)
    if is_openmm:
        yield from of_openmm(system, chosen, options.ns)
    else:
        for positions, _ in frames(system, chosen, options.ns, OBSERVED_FS):
            yield positions


def of_openmm(system: System, chosen: DynamicsSettings, ns: float) -> Iterator[np.ndarray]:
    """Positions (1, n, 3) of OpenMM's dynamics, after a tenth as many that are left out."""
    context = simulation_of(system, chosen)
    count = int(1e6 * ns / OBSERVED_FS)
    for number in range(count + count // 10):
        context.getIntegrator().step(round(OBSERVED_FS / chosen.time_step_fs))
        if number >= count // 10:
            yield positions_of(context)[None]


def simulation_of(system: System, chosen: DynamicsSettings) -> openmm.Context:
    """OpenMM's dynamics from the system's positions."""
    assert chosen.outer_every == 1, "OpenMM's solvent acts in each step"
    config = build(ProteinConfig, {"name": "protein", "solvent": "gbn2"})
    return dynamics_of(system, config.continuum, chosen, 1, np.asarray(system.positions)[: system.n])


def populations(backbone: np.ndarray) -> np.ndarray:
    """Shares (4,) of `REGIONS` of backbones (R, 5, 3)."""
    phi, psi = (np.degrees(torsion(backbone[:, k : k + 4])) for k in range(2))
    left = (phi >= 0) & (phi < 120)
    alpha = ~left & (psi > -120) & (psi < 50)
    beta = ~left & ~alpha & ((phi < -100) | (phi >= 120))
    return np.array([np.mean(each) for each in (beta, ~left & ~alpha & ~beta, alpha, left)])


def torsion(points: np.ndarray) -> np.ndarray:
    """Torsions (R,) in rad of four points each (R, 4, 3)."""
    first, axis, last = np.moveaxis(np.diff(points, axis=1), 1, 0)
    one, other = np.cross(first, axis), np.cross(axis, last)
    sine = np.sum(np.cross(one, other) * axis, axis=1) / np.linalg.norm(axis, axis=1)
    return np.arctan2(sine, np.sum(one * other, axis=1))


if __name__ == "__main__":
    main()
