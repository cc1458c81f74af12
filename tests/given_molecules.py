"""Formamide in the files of several engines, written here, with numbers of no force field."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import openmm
from openmm import app

from nnrep.structures.force_field import force_field
from nnrep.structures.molecule import Molecule

NAMES = ("O", "C", "N", "HA", "H1", "H2")
ELEMENTS = ("O", "C", "N", "H", "H", "H")
MASSES = (15.999, 12.011, 14.007, 1.008, 1.008, 1.008)
CHARGES = (-0.5, 0.4, -0.7, 0.1, 0.35, 0.35)
TYPES = ("OX", "CX", "NX", "HX", "HN", "HN")
KINDS = ("OX", "CX", "NX", "HX", "HN")
SIGMA, DEPTH = (0.296, 0.375, 0.325, 0.242, 0.05), (0.88, 0.44, 0.71, 0.063, 0.19)  # nm, kJ/mol; of KINDS
POSITIONS = (
    np.array(
        [
            [1.2, 0.1, 0],
            [0, 0, 0],
            [-0.7, 1.15, 0.05],
            [-0.55, -0.95, 0.02],
            [-1.7, 1.12, 0.1],
            [-0.22, 2.03, -0.3],
        ]
    )
    / 10
)
BONDS = {(0, 1): (0.123, 4.7e5), (1, 2): (0.1335, 4.1e5), (1, 3): (0.109, 2.8e5)}
BONDS |= {(2, 4): (0.101, 3.6e5), (2, 5): (0.101, 3.6e5)}  # nm, kJ/mol/nm^2
ANGLES = {(0, 1, 2): (122.9, 670.0), (0, 1, 3): (119.0, 418.0), (2, 1, 3): (114.0, 418.0)}
ANGLES |= {
    (1, 2, 4): (119.8, 293.0),
    (1, 2, 5): (119.8, 293.0),
    (4, 2, 5): (120.0, 293.0),
}  # deg, kJ/mol/rad^2
TORSIONS = [(0, 1, 2, 4), (0, 1, 2, 5), (3, 1, 2, 4), (3, 1, 2, 5)]
IMPROPERS = [(0, 3, 1, 2), (1, 5, 2, 4)]
BARRIER, PHASE, PERIOD = 10.46, 180.0, 2  # kJ/mol, deg, of all torsions
KCAL = 4.184


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def pdb(positions: np.ndarray = POSITIONS) -> str:
    rows = zip(NAMES, ELEMENTS, 10 * positions, strict=True)
    lines = [
        f"HETATM{k:5d}  {name:<3s} MOL A   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2s}"
        for k, (name, element, (x, y, z)) in enumerate(rows, start=1)
    ]
    return "\n".join([*lines, "END", ""])


def inpcrd() -> str:
    numbers = [f"{value:12.7f}" for value in 10 * POSITIONS.ravel()]
    lines = ["".join(numbers[k : k + 6]) for k in range(0, len(numbers), 6)]
    return "\n".join(["formamide", f"{len(NAMES):6d}", *lines, ""])


def gro(box: float = 0.0) -> str:
    rows = [
        f"{1:5d}{'MOL':<5s}{name:>5s}{k:5d}{x:8.3f}{y:8.3f}{z:8.3f}"
        for k, (name, (x, y, z)) in enumerate(zip(NAMES, POSITIONS, strict=True), start=1)
    ]
    return "\n".join(["formamide", f"{len(NAMES)}", *rows, f"{box:10.5f}{box:10.5f}{box:10.5f}", ""])


# AMBER


def prmtop(box: int = 0, own_pair: float = 1.0) -> str:
    """A topology; `own_pair` is a factor of the attraction of O and HN, which makes it a pair of its own."""
    charge = [18.2223 * value for value in CHARGES]
    kind = [KINDS.index(name) + 1 for name in TYPES]
    count = len(KINDS)
    index = [[max(i, j) * (max(i, j) + 1) // 2 + min(i, j) + 1 for j in range(count)] for i in range(count)]
    repulsion, attraction = [], []
    for i in range(count):
        for j in range(i + 1):
            sigma, depth = 10 * (SIGMA[i] + SIGMA[j]) / 2, np.sqrt(DEPTH[i] * DEPTH[j]) / KCAL
            repulsion.append(4 * depth * sigma**12)
            attraction.append(4 * depth * sigma**6 * (own_pair if (i, j) == (4, 0) else 1.0))
    bonded = (
        [{*pair} for pair in BONDS] + [{i, k} for i, _, k in ANGLES] + [{row[0], row[3]} for row in TORSIONS]
    )
    excluded = [[j + 1 for j in range(i + 1, 6) if {i, j} in bonded] or [0] for i in range(6)]
    bonds = [(3 * i, 3 * j, k + 1) for k, (i, j) in enumerate(BONDS)]
    angles = [(3 * i, 3 * j, 3 * k, n + 1) for n, (i, j, k) in enumerate(ANGLES)]
    proper = [(3 * i, 3 * j, 3 * k, 3 * m, 1) for i, j, k, m in TORSIONS]
    improper = [(3 * i, 3 * j, -3 * k, -3 * m, 2) for i, j, k, m in IMPROPERS]
    pointers = [6, count, len(bonds), 0, len(angles), 0, len(proper) + len(improper), 0, 0, 0]
    pointers += [sum(map(len, excluded)), 1, 0, 0, 0, len(bonds), len(angles), 2, count, 0]
    pointers += [0, 0, 0, 0, 0, 0, 0, box, 6, 0, 0]
    sections: dict[str, Sequence] = {
        "POINTERS": pointers,
        "ATOM_NAME": NAMES,
        "CHARGE": charge,
        "MASS": [float(mass) for mass in MASSES],
        "ATOM_TYPE_INDEX": kind,
        "NUMBER_EXCLUDED_ATOMS": [len(row) for row in excluded],
        "NONBONDED_PARM_INDEX": [number for row in index for number in row],
        "RESIDUE_LABEL": ["MOL"],
        "RESIDUE_POINTER": [1],
        "BOND_FORCE_CONSTANT": [k / 2 / KCAL / 100 for _, k in BONDS.values()],
        "BOND_EQUIL_VALUE": [10 * r for r, _ in BONDS.values()],
        "ANGLE_FORCE_CONSTANT": [k / 2 / KCAL for _, k in ANGLES.values()],
        "ANGLE_EQUIL_VALUE": [float(np.deg2rad(angle)) for angle, _ in ANGLES.values()],
        "DIHEDRAL_FORCE_CONSTANT": [BARRIER / KCAL, 1.1],
        "DIHEDRAL_PERIODICITY": [float(PERIOD), 2.0],
        "DIHEDRAL_PHASE": [float(np.deg2rad(PHASE)), float(np.pi)],
        "SCEE_SCALE_FACTOR": [1.2, 0.0],
        "SCNB_SCALE_FACTOR": [2.0, 0.0],
        "SOLTY": [0.0] * count,
        "LENNARD_JONES_ACOEF": repulsion,
        "LENNARD_JONES_BCOEF": attraction,
        "BONDS_INC_HYDROGEN": [number for row in bonds for number in row],
        "BONDS_WITHOUT_HYDROGEN": [],
        "ANGLES_INC_HYDROGEN": [number for row in angles for number in row],
        "ANGLES_WITHOUT_HYDROGEN": [],
        "DIHEDRALS_INC_HYDROGEN": [number for row in (*proper, *improper) for number in row],
        "DIHEDRALS_WITHOUT_HYDROGEN": [],
        "EXCLUDED_ATOMS_LIST": [number for row in excluded for number in row],
        "HBOND_ACOEF": [],
        "HBOND_BCOEF": [],
        "HBCUT": [],
        "AMBER_ATOM_TYPE": TYPES,
        "TREE_CHAIN_CLASSIFICATION": ["M"] * 6,
        "JOIN_ARRAY": [0] * 6,
        "IROTAT": [0] * 6,
    }
    if box:
        sections |= {"SOLVENT_POINTERS": [1, 1, 2], "ATOMS_PER_MOLECULE": [6]}
        sections["BOX_DIMENSIONS"] = [90.0, 30.0, 30.0, 30.0]
    text = ["%VERSION  VERSION_STAMP = V0001.000", "%FLAG TITLE", "%FORMAT(20a4)", "formamide"]
    for name, values in sections.items():
        text += [f"%FLAG {name}", *_section(values)]
    return "\n".join([*text, ""])


def _section(values: Sequence) -> Iterator[str]:
    kind = type(values[0]) if len(values) else float
    form, width, across = {
        int: ("%FORMAT(10I8)", "{:8d}", 10),
        str: ("%FORMAT(20a4)", "{:<4s}", 20),
    }.get(kind, ("%FORMAT(5E16.8)", "{:16.8E}", 5))
    yield form
    cells = [width.format(value) for value in values]
    yield from ("".join(cells[k : k + across]) for k in range(0, len(cells), across) or (0,))


# GROMACS


def top(rule: int = 2, own_pair: bool = False, settles: bool = False) -> str:
    """A topology with Ryckaert-Bellemans torsions, harmonic impropers and a Urey-Bradley angle."""
    numbers = [
        (sigma, depth) if rule != 1 else (4 * depth * sigma**6, 4 * depth * sigma**12)
        for sigma, depth in zip(SIGMA, DEPTH, strict=True)
    ]
    mass = dict(zip(TYPES, MASSES, strict=True))
    lines = ["[ defaults ]", f"1 {rule} yes 0.5 0.8333", "[ atomtypes ]"]
    for name, (one, other) in zip(KINDS, numbers, strict=True):
        lines.append(f"{name} 0 {mass[name]} 0.0 A {one:.8e} {other:.8e}")
    if own_pair:
        lines += ["[ nonbond_params ]", "OX HN 1 0.2 0.4"]
    lines += ["[ moleculetype ]", "MOL 3", "[ atoms ]"]
    for k in range(6):
        lines.append(f"{k + 1} {TYPES[k]} 1 MOL {NAMES[k]} 1 {CHARGES[k]} {MASSES[k]}")
    lines.append("[ bonds ]")
    lines += [f"{i + 1} {j + 1} 1 {r} {k}" for (i, j), (r, k) in BONDS.items()]
    lines.append("[ pairs ]")
    lines += [f"{row[0] + 1} {row[3] + 1} 1" for row in TORSIONS]
    lines.append("[ angles ]")
    for (i, j, k), (angle, stiffness) in ANGLES.items():
        more = " 0.23 4.0e4" if (i, k) == (0, 2) else ""
        lines.append(f"{i + 1} {j + 1} {k + 1} {5 if more else 1} {angle} {stiffness}{more}")
    lines.append("[ dihedrals ]")
    for row in TORSIONS:
        places = " ".join(str(atom + 1) for atom in row)
        kind = "3 10.0 -3.0 -7.0 2.0 0.7 -0.3" if row[3] == 4 else f"9 {PHASE} {BARRIER} {PERIOD}"
        lines.append(f"{places} {kind}")
    lines.append("[ dihedrals ]")
    lines += [" ".join(str(atom + 1) for atom in row) + " 2 178.0 40.0" for row in IMPROPERS]
    if settles:
        lines += ["[ constraints ]", "5 6 2 0.17"]
    return "\n".join([*lines, "[ system ]", "formamide", "[ molecules ]", "MOL 1", ""])


# CHARMM


def psf() -> str:
    def indices(rows: Sequence, title: str, across: int) -> list[str]:
        flat = [f"{atom + 1:8d}" for row in rows for atom in row]
        lines = ["".join(flat[k : k + across]) for k in range(0, len(flat), across)]
        return [f"{len(rows):8d} !{title}", *lines, ""]

    atoms = [
        f"{k + 1:8d} A    1    MOL  {NAMES[k]:<4s} {TYPES[k]:<4s} {CHARGES[k]:10.6f}    {MASSES[k]:10.4f}  0"
        for k in range(6)
    ]
    lines = ["PSF", "", "       1 !NTITLE", " REMARKS formamide", "", "       6 !NATOM", *atoms, ""]
    lines += indices(list(BONDS), "NBOND: bonds", 8)
    lines += indices(list(ANGLES), "NTHETA: angles", 9)
    lines += indices(TORSIONS, "NPHI: dihedrals", 8)
    lines += indices([(1, 0, 3, 2), (2, 1, 5, 4)], "NIMPHI: impropers", 8)
    lines += ["       0 !NDON: donors", "", "", "       0 !NACC: acceptors", "", "", "       0 !NNB", ""]
    lines += ["       0       0       0       0       0       0", ""]
    return "\n".join([*lines, "       1       0 !NGRP NST2", "       0       0       0", "", ""])


def prm(own_pair: bool = False) -> str:
    mass = dict(zip(TYPES, zip(MASSES, ELEMENTS, strict=True), strict=True))
    lines = ["* parameters", "*", "ATOMS"]
    lines += [f"MASS {k} {name} {mass[name][0]} {mass[name][1]}" for k, name in enumerate(KINDS, start=1)]
    named = {tuple(TYPES[i] for i in pair): numbers for pair, numbers in BONDS.items()}
    lines += ["BONDS", *(f"{a} {b} {k / 2 / KCAL / 100:.6f} {10 * r}" for (a, b), (r, k) in named.items())]
    lines.append("ANGLES")
    known = {tuple(TYPES[i] for i in triple): numbers for triple, numbers in ANGLES.items()}
    for (a, b, c), (angle, k) in known.items():
        more = " 50.0 2.3" if (a, c) == ("OX", "NX") else ""
        lines.append(f"{a} {b} {c} {k / 2 / KCAL:.6f} {angle}{more}")
    lines.append("DIHEDRALS")
    lines += [f"{a} CX NX HN {BARRIER / KCAL:.6f} {PERIOD} {PHASE}" for a in ("OX", "HX")]
    lines += ["IMPROPER", "CX OX HX NX 40.0 0 3.0", "NX CX HN HN 11.0 0 -2.0"]
    lines += ["NONBONDED nbxmod 5 atom cdiel e14fac 1.0"]
    radius = [10 * sigma * 2 ** (1 / 6) / 2 for sigma in SIGMA]
    lines += [f"{KINDS[k]} 0.0 {-DEPTH[k] / KCAL:.6f} {radius[k]:.6f}" for k in range(5)]
    lines += ["NBFIX", "OX HN -0.2 2.2"] if own_pair else []
    return "\n".join([*lines, "END", ""])


# OpenMM


def system_xml(molecule: Molecule, *files: str, **options: object) -> str:
    """The system of a protein on some of OpenMM's force fields."""
    field = app.ForceField(*files) if files else force_field()
    known = {"nonbondedMethod": app.NoCutoff, "constraints": None, "rigidWater": False, **options}
    return openmm.XmlSerializer.serialize(field.createSystem(molecule.topology, **known))


TERMS = {
    "HarmonicBondForce": "bonds",
    "HarmonicAngleForce": "angles",
    "PeriodicTorsionForce": "torsions",
    "RBTorsionForce": "torsions",
    "CustomTorsionForce": "impropers",
    "CMAPTorsionForce": "cmap",
    "NonbondedForce": "pairs",
    "CustomNonbondedForce": "pairs",
    "CustomBondForce": "pairs",
    "CustomGBForce": "solvent",
    "GBSAOBCForce": "solvent",
}


def by_openmm(system: openmm.System, positions: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Energies by term, and forces (n, 3), of the Reference platform."""
    forces = system.getForces()
    for group, force in enumerate(forces):
        force.setForceGroup(group)
    platform = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    energies: dict[str, float] = {}
    for group, force in enumerate(forces):
        energy = context.getState(energy=True, groups={group}).getPotentialEnergy()._value
        name = TERMS[type(force).__name__]
        energies[name] = energies.get(name, 0.0) + energy
    return energies, np.asarray(context.getState(forces=True).getForces(asNumpy=True)._value)
