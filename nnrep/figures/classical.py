"""What the figures on the classical energy have in common: their settings, and notes."""

import numpy as np

from nnrep.config.schema import RunConfig
from nnrep.energies.soft_pairs import KINDS
from nnrep.errors import require
from nnrep.figures.figure import Evidence
from nnrep.figures.methods import diverged
from nnrep.figures.proteins import notes_on_runs
from nnrep.modes.slow import Of
from nnrep.structures.extended import extended
from nnrep.structures.molecule import Molecule
from nnrep.systems.measures import ANGSTROM_PER_NM, radius_of_gyration
from nnrep.systems.protein import ForceField, Start, masses

METHODS = ("none", "cg")
COLLAPSED = 0.8  # of the native radius of gyration, below which a chain has collapsed
KIND_NAMES = dict(zip(KINDS, ("van der Waals", "hydrogen bonds", "hydrophobic contacts"), strict=True))


def check_energy(config: RunConfig) -> None:
    """Raise `ConfigError` unless a setting is on the classical energy."""
    own = config.system.force_field
    require(own is ForceField.classical, "system.force_field", "classical in this figure", own.value)


def check_methods(config: RunConfig) -> None:
    """Raise `ConfigError` unless a setting compares CG and plain minimisation on the classical energy."""
    check_energy(config)
    name = config.reparam.name
    require(name in METHODS, "reparam", f"{' or '.join(METHODS)} in this figure", name)
    of = config.modes.of
    require(of is Of.backbone, "modes.of", "backbone in this figure, which counts modes of atoms", of.value)


def notes_on_energy(evidence: Evidence) -> list[str]:
    """What is known of energy, starts and seeds, a sentence each."""
    return [*_sizes(evidence), *notes_on_terms(evidence), *notes_on_runs(evidence)]


def notes_on_terms(evidence: Evidence) -> list[str]:
    """Which molecules lack a term, and in which one term is of another size."""
    return [*_without_a_kind(evidence), *_disulphides(evidence)]


def _sizes(evidence: Evidence) -> list[str]:
    """How large chains are in the end, and what that means where all have collapsed."""
    told, collapsed = [], True
    good = evidence.runs[~diverged(evidence.runs)]
    for name, ends in good.groupby("structure", sort=False)["radius_of_gyration"]:
        molecule = evidence.molecules.get(str(name))
        if molecule is not None:
            native = ANGSTROM_PER_NM * radius_of_gyration(molecule.positions, masses(molecule.topology))
            told.append(f"{name} {ends.mean():.1f} ({native:.1f})")
            collapsed &= bool(ends.mean() < COLLAPSED * native)
    if not told:
        return []
    found = f"Mean radius of gyration at the end, and of the native structure, in A: {', '.join(told)}."
    if collapsed:
        found += " Chains collapse into themselves: the softened pairs have no hard core."
    return [found]


def _without_a_kind(evidence: Evidence) -> list[str]:
    """Which molecules lack a term of the energy."""
    found = []
    for name, runs in evidence.runs.groupby("structure", sort=False):
        lacking = [title for kind, title in KIND_NAMES.items() if (runs[f"energy_{kind}"] == 0).all()]
        if lacking:
            found.append(f"{name} has no {' and no '.join(lacking)}.")
    return found


def _disulphides(evidence: Evidence) -> list[str]:
    """Bonds that a stacked chain cannot close."""
    stacked = evidence.runs.loc[evidence.runs["start"] == Start.extended.value, "structure"].unique()
    found = {name: evidence.molecules[name] for name in stacked if name in evidence.molecules}
    longest = {name: _longest_disulphide(molecule) for name, molecule in found.items()}
    told = ", ".join(f"{name} {length:.1f} A" for name, length in longest.items() if length > 0)
    return [f"Disulphides are stretched in the stacked chain: {told}."] if told else []


def _longest_disulphide(molecule: Molecule) -> float:
    """Length in Angstrom in the stacked chain; 0 of a molecule without one."""
    ends = [
        (one.index, other.index)
        for one, other in molecule.topology.bonds()
        if one.element.symbol == other.element.symbol == "S"
    ]
    if not ends:
        return 0.0
    first, second = np.array(ends).T
    positions = extended(molecule)
    return float(ANGSTROM_PER_NM * np.linalg.norm(positions[first] - positions[second], axis=1).max())
