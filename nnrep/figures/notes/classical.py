"""Notes on the classical energy: the size of chains, terms that a molecule lacks, disulphides."""

import numpy as np

from nnrep.energies.soft_pairs import KINDS
from nnrep.figures.analysis.selection import diverged
from nnrep.figures.evidence import Evidence
from nnrep.figures.notes.runs import notes_on_runs
from nnrep.structures.extended import extended
from nnrep.structures.molecule import Molecule
from nnrep.systems.measures import ANGSTROM_PER_NM, radius_of_gyration
from nnrep.systems.protein import Start, masses

COLLAPSED = 0.8  # of the native radius of gyration, below which a chain has collapsed
KIND_LABELS = dict(zip(KINDS, ("van der Waals", "hydrogen bonds", "hydrophobic contacts"), strict=True))


def notes_on_energy(evidence: Evidence) -> list[str]:
    """What is known of energy, starts and seeds, a sentence each."""
    return [*_sizes(evidence), *notes_on_terms(evidence), *notes_on_runs(evidence)]


def notes_on_terms(evidence: Evidence) -> list[str]:
    """Which molecules lack a term, and in which one term is of another size."""
    return [*_missing_terms(evidence), *_disulphides(evidence)]


def _sizes(evidence: Evidence) -> list[str]:
    """The final size of chains, and what that means where all have collapsed."""
    sizes, collapsed = [], True
    good = evidence.runs[~diverged(evidence.runs)]
    for name, radii in good.groupby("structure", sort=False)["radius_of_gyration"]:
        molecule = evidence.molecules.get(str(name))
        if molecule is not None:
            native = ANGSTROM_PER_NM * radius_of_gyration(molecule.positions, masses(molecule.topology))
            sizes.append(f"{name} {radii.mean():.1f} ({native:.1f})")
            collapsed &= bool(radii.mean() < COLLAPSED * native)
    if not sizes:
        return []
    note = f"Mean radius of gyration at the end, and of the native structure, in A: {', '.join(sizes)}."
    if collapsed:
        note += " Chains collapse into themselves: the softened pairs have no hard core."
    return [note]


def _missing_terms(evidence: Evidence) -> list[str]:
    """Which molecules lack a term of the energy."""
    notes = []
    for name, runs in evidence.runs.groupby("structure", sort=False):
        lacking = [label for kind, label in KIND_LABELS.items() if (runs[f"energy_{kind}"] == 0).all()]
        if lacking:
            notes.append(f"{name} has no {' and no '.join(lacking)}.")
    return notes


def _disulphides(evidence: Evidence) -> list[str]:
    """Bonds that a stacked chain cannot close."""
    stacked = evidence.runs.loc[evidence.runs["start"] == Start.extended.value, "structure"].unique()
    molecules = {name: evidence.molecules[name] for name in stacked if name in evidence.molecules}
    longest = {name: _longest_disulphide(molecule) for name, molecule in molecules.items()}
    lengths = ", ".join(f"{name} {length:.1f} A" for name, length in longest.items() if length > 0)
    return [f"Disulphides are stretched in the stacked chain; lengths: {lengths}."] if lengths else []


def _longest_disulphide(molecule: Molecule) -> float:
    """Length in Angstrom in the stacked chain; 0 of a molecule without one."""
    bonds = [
        (one.index, other.index)
        for one, other in molecule.topology.bonds()
        if one.element.symbol == other.element.symbol == "S"
    ]
    if not bonds:
        return 0.0
    first, second = np.array(bonds).T
    positions = extended(molecule)
    return float(ANGSTROM_PER_NM * np.linalg.norm(positions[first] - positions[second], axis=1).max())
