"""Relaxation with restraints on heavy atoms, as AlphaFold relaxes its predictions, beside OpenMM's minimiser.

Each structure gets noise on all atoms, and is then relaxed on AMBER14 with harmonic restraints of
10 kcal/mol/A^2, which hold its heavy atoms where the noise has put them: by OpenMM's LocalEnergyMinimizer on
one thread, with a tolerance of 10 kJ/mol/nm, and by nnrep (L-BFGS) to the RMS force where OpenMM ends.

clashes   pairs of heavy atoms four bonds apart or more that are nearer than their Bondi radii less 0.4 A
bonds     bonds that are more than 0.05 A from AMBER's length
moved     RMSD in A of the heavy atoms from where they were held
cpu_s     processor time of a whole call, compiled before; the median of several rounds
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import openmm
from openmm import unit
from scipy.sparse import coo_array

import nnrep
from nnrep.minimization.exact import evaluate
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.prepare import Preparation, prepared
from nnrep.structures.simulation import Held, hold
from nnrep.systems.force_fields.classical import BONDI_RADII
from nnrep.systems.force_fields.parameters import amber_parameters
from nnrep.systems.protein import ProteinConfig, protein_system

MOLECULES = ["5AWL", "2JOF", "1L2Y", "2WXC", "3GB1"]
TOLERANCE = 10.0  # of OpenMM, in kJ/mol/nm
OVERLAP, STRETCHED = 0.4, 0.05  # Angstrom
COLUMNS = ("molecule", "atoms", "by", "energy", "rms", "clashes", "bonds", "moved", "cpu_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("molecules", nargs="*", default=MOLECULES, help="files or PDB entries")
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--noise", type=float, default=0.15, help="standard deviation in Angstrom")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", False)
    print(" ".join(f"{name:>12}" for name in COLUMNS))
    for name in options.molecules:
        molecule = prepared(None if name == "1L2Y" else name, options.structures, Preparation())
        for row in rows(molecule, options.noise, options.rounds):
            print(" ".join(f"{row[name]:>12}" for name in COLUMNS), flush=True)


def rows(molecule: Molecule, noise: float, rounds: int) -> list[dict[str, Any]]:
    drawn = np.random.default_rng(0).normal(size=molecule.positions.shape)
    molecule = replace(molecule, positions=molecule.positions + 0.1 * noise * drawn)
    system = protein_system(ProteinConfig(restraints="heavy"), molecule, padded=True)
    at_rest = float(evaluate(system, system.with_dummies(by_openmm(system, molecule))).gradient_rms)
    actions: dict[str, Callable[[], np.ndarray]] = {
        "start": lambda: np.asarray(system.positions, float)[: system.n],
        "openmm": lambda: by_openmm(system, molecule),
        "nnrep": lambda: relaxed(system, at_rest),
    }
    seen: dict[str, list[float]] = {name: [] for name in actions}
    ends = {name: action() for name, action in actions.items()}  # compiles
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.process_time()
            action()
            seen[name].append(time.process_time() - began)
    return [_row(name, end, statistics.median(seen[name]), system, molecule) for name, end in ends.items()]


def relaxed(system: nnrep.System, rms_force: float) -> np.ndarray:
    stopping = nnrep.Stopping(min_delta=0, patience=2**31 - 1, rms_force=rms_force)
    stage = nnrep.Stage("free", nnrep.reparam.identity(), nnrep.lbfgs(0.02), stopping, 20_000)
    return system.from_file_frame(nnrep.minimize(system, stage).positions[0])


def by_openmm(system: nnrep.System, molecule: Molecule) -> np.ndarray:
    openmm_system = vacuum_system(molecule.topology)
    hold(openmm_system, Held(restraints=system.restraints))
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(openmm_system, openmm.VerletIntegrator(0.001), platform, {"Threads": "1"})
    context.setPositions(np.asarray(system.positions, float)[: system.n])
    openmm.LocalEnergyMinimizer.minimize(context, TOLERANCE)
    ended = context.getState(getPositions=True).getPositions(asNumpy=True)
    return np.asarray(ended.value_in_unit(unit.nanometer), float)


def _row(by: str, x: np.ndarray, cpu_s: float, system: nnrep.System, molecule: Molecule) -> dict[str, Any]:
    exact = evaluate(system, system.with_dummies(x))
    assert system.restraints is not None
    heavy = np.asarray(system.restraints.strength) > 0
    moved = np.sqrt(np.mean(np.sum((x - system.restraints.reference)[heavy] ** 2, axis=1)))
    return {
        "molecule": molecule.name,
        "atoms": molecule.n,
        "by": by,
        "energy": f"{float(exact.energy):.1f}",
        "rms": f"{float(exact.gradient_rms):.2f}",
        "clashes": clashes(x, molecule),
        "bonds": stretched_bonds(x, molecule),
        "moved": f"{10 * moved:.3f}",
        "cpu_s": "" if by == "start" else f"{cpu_s:.3f}",
    }


def clashes(positions: np.ndarray, molecule: Molecule) -> int:
    """Pairs of heavy atoms, four bonds apart or more, whose Bondi spheres overlap by more than `OVERLAP`."""
    bonds = np.array([(one.index, other.index) for one, other in molecule.topology.bonds()])
    n = molecule.n
    ones = coo_array((np.ones(len(bonds)), tuple(bonds.T)), shape=(n, n)).tocsr()
    step = (ones + ones.T + coo_array((np.ones(n), (range(n), range(n))), shape=(n, n))).tocsr()
    near = (step @ step @ step).toarray() > 0
    elements = np.array([atom.element.symbol for atom in molecule.topology.atoms()])
    radii = np.array([BONDI_RADII[element] for element in elements])
    distances = 10 * np.linalg.norm(positions[:, None] - positions, axis=-1)
    overlap = radii[:, None] + radii - distances
    heavy = elements != "H"
    return int(np.sum(np.triu((overlap > OVERLAP) & ~near & heavy[:, None] & heavy, 1)))


def stretched_bonds(positions: np.ndarray, molecule: Molecule) -> int:
    """Bonds that are more than `STRETCHED` from their length in the force field."""
    bonds = amber_parameters(vacuum_system(molecule.topology)).bonds
    lengths = np.linalg.norm(positions[bonds.pairs[:, 0]] - positions[bonds.pairs[:, 1]], axis=1)
    return int(np.sum(10 * abs(lengths - bonds.length) > STRETCHED))


if __name__ == "__main__":
    main()
