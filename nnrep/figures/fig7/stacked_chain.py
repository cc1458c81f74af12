"""Figure 7's stacked chain: its peptide bonds, what is known of its pairs, and which settings are of it."""

import numpy as np
from openmm import app

from nnrep.config.schema import RunConfig
from nnrep.errors import require
from nnrep.figures.analysis.labels import PLAIN
from nnrep.figures.checks import check_energy
from nnrep.figures.claim import Claim, Verdict
from nnrep.figures.evidence import Evidence
from nnrep.figures.needs import structures_needed
from nnrep.figures.notes.classical import notes_on_terms
from nnrep.structures.extended import PEPTIDE_BOND
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.protein import Start

BOND_TOLERANCE = 1e-3  # Angstrom: structures are written with three decimals
STACKED_NEEDS = (structures_needed(["1PLW"]),)


def claims_of(evidence: Evidence) -> list[Claim]:
    """What the paper's appendix says of the chain."""
    run = evidence.runs.iloc[0]
    molecule = evidence.molecules[run["structure"]]
    bonds = peptide_bonds(molecule.topology, evidence.positions(run["run_id"]))
    claim, source = f"residues are stacked with peptide bonds of {PEPTIDE_BOND} A", "appendix A, figure 7"
    if not bonds.size:
        return [Claim(claim, source, "no peptide bonds", Verdict.not_tested, needs=STACKED_NEEDS)]
    exact = bool(np.all(abs(bonds - PEPTIDE_BOND) < BOND_TOLERANCE))
    measured = f"{len(bonds)} bonds of {bonds.min():.3f} to {bonds.max():.3f} A"
    return [Claim(claim, source, measured, Verdict.holds if exact else Verdict.fails, needs=STACKED_NEEDS)]


def peptide_bonds(topology: app.Topology, positions: np.ndarray) -> np.ndarray:
    """Lengths in Angstrom of the bonds C-N between residues, at positions (n, 3) in nm."""
    atoms = [
        (one.index, other.index)
        for one, other in topology.bonds()
        if {one.name, other.name} == {"C", "N"} and one.residue is not other.residue
    ]
    first, second = np.array(atoms, int).reshape(-1, 2).T
    return ANGSTROM_PER_NM * np.linalg.norm(positions[first] - positions[second], axis=1)


def notes_of(evidence: Evidence) -> list[str]:
    """What counts as a pair, and what the other terms add."""
    run, chosen = evidence.runs.iloc[0], evidence.configs[0].system.classical
    left_out = "left out" if chosen.exclude_neighbours else "included"
    notes = [
        "Van der Waals: s is the sum of Bondi's radii. Hydrogen bonds: a hydrogen on N or O, and any O. "
        f"Hydrophobic: atoms of residues above zero on the scale {chosen.hydrophobic_scale.name} have "
        f"{chosen.hydrophobic_radius:g} A, others none, and s is the sum of both: a pair with one such atom "
        f"has an s too. Pairs one or two bonds apart are {left_out}.",
    ]
    bonded = ", ".join(f"{name} {run[f'energy_{name}']:.1f}" for name in ("bonds", "angles"))
    notes.append(f"Beside the pairs, in kJ/mol: {bonded}; energy in all {run['energy']:.1f}.")
    return [*notes, *notes_on_terms(evidence)]


def check_setting(config: RunConfig) -> None:
    """Raise `ConfigError` for anything but the stacked chain as it is."""
    check_energy(config)
    system = config.system
    reason = ", as figure 7 is of the stacked chain as it is"
    require(system.start is Start.extended, "system.start", f"extended{reason}", system.start_name)
    require(system.noise == 0, "system.perturbation", f"null{reason}", system.noise)
    require(config.max_steps == 0, "max_steps", f"0{reason}", config.max_steps)
    name = config.reparam.name
    require(name == PLAIN, "reparam", f"{PLAIN}{reason}", name)
