"""The stretched chain of a molecule's sequence: a start that knows nothing of the fold."""

from collections import defaultdict

import numpy as np
from openmm import app
from PeptideBuilder import Geometry, PeptideBuilder

from nnrep.errors import UserError
from nnrep.structures.molecule import Molecule
from nnrep.structures.residues import AMINO_ACIDS
from nnrep.structures.units import ANGSTROM_PER_NM

PEPTIDE_BOND = 1.32  # A
CARBOXYLATE_BOND = 1.25  # A, C-OXT
LEUCINE_CD2 = -66.7  # degrees, CA-CB-CG-CD2; PeptideBuilder has 66.7, which makes CG its mirror image

CODES = {
    **AMINO_ACIDS,
    # other protonations, and the cysteine of a disulphide
    **{"ASH": "D", "CYM": "C", "CYX": "C", "GLH": "E", "HID": "H", "HIE": "H", "HIP": "H", "LYN": "K"},
    # caps have the atoms of a glycine, some under another name
    **{"ACE": "G", "NHE": "G", "NH2": "G", "NME": "G"},
}
CAP_NAMES = {("ACE", "CH3"): "CA", ("NME", "C"): "CA", ("NME", "CH3"): "CA"}

# Centre and three neighbours, in this order seen from one side or the other.
Centre = tuple[str, tuple[str, str, str]]
ALPHA: Centre = ("CA", ("N", "C", "CB"))
BETA: dict[str, Centre] = {"ILE": ("CB", ("CA", "CG1", "CG2")), "THR": ("CB", ("CA", "OG1", "CG2"))}
# The last two are alike but for their names, which some files have the other way round.
TWINS: dict[str, Centre] = {"LEU": ("CG", ("CB", "CD1", "CD2")), "VAL": ("CB", ("CA", "CG1", "CG2"))}


def extended(molecule: Molecule) -> np.ndarray:
    """The molecule stretched out: phi = -120, psi = 140, omega = 180 degrees along the whole chain.

    Heavy atoms have the bond lengths, angles and rotamers of PeptideBuilder (Tien et al., PeerJ 1, e80,
    2013) but for the peptide bond of 1.32 A; every hydrogen is placed at its heavy atom as in the molecule.
    A bond that closes a ring along the chain, such as a disulphide, is stretched too.

    Returns:
        (n, 3) in nm, in the order of the molecule's atoms, centred at the origin.

    Raises:
        UserError: the molecule is not one unbroken chain of the 20 amino acids in their L form, or has an
            atom that they lack.
    """
    residues = list(molecule.topology.residues())
    names = [chain.id for chain in molecule.topology.chains()]
    if len(names) > 1:
        raise UserError(f"system.start=extended: takes one chain, got {', '.join(names)}")
    _check_chain(molecule.topology, residues)
    built = _built_residues([CODES[residue.name] for residue in residues])
    positions = np.full((molecule.n, 3), np.nan)
    for residue, atoms in zip(residues, built, strict=True):
        _match_handedness(residue, atoms, molecule.positions)
        for atom in residue.atoms():
            if not _is_hydrogen(atom):
                name = CAP_NAMES.get((residue.name, atom.name), atom.name)
                if name not in atoms:
                    raise _unknown(residue, f"has an atom {atom.name}, which its kind lacks")
                positions[atom.index] = atoms[name]
    _add_hydrogens(molecule, positions)
    return positions - positions.mean(axis=0)


def _built_residues(codes: list[str]) -> list[dict[str, np.ndarray]]:
    """Atom name -> position in nm, of every residue of a stretched chain."""
    structure = None
    for code in codes:
        geometry = Geometry.geometry(code)
        geometry.peptide_bond = PEPTIDE_BOND
        if code == "L":
            geometry.CA_CB_CG_CD2_diangle = LEUCINE_CD2
        if structure is None:
            structure = PeptideBuilder.initialize_res(geometry)
        else:
            structure = PeptideBuilder.add_residue(structure, geometry)
    structure = PeptideBuilder.add_terminal_OXT(structure, CARBOXYLATE_BOND)
    return [
        {atom.get_name(): (1 / ANGSTROM_PER_NM) * np.asarray(atom.coord, float) for atom in residue}
        for residue in structure.get_residues()
    ]


def _match_handedness(
    residue: app.topology.Residue, built: dict[str, np.ndarray], positions: np.ndarray
) -> None:
    """Swap the names of twins that the molecule has the other way round; refuse mirrored centres."""
    own = {atom.name: positions[atom.index] for atom in residue.atoms()}
    for centre in (ALPHA, BETA.get(residue.name)):
        if centre and _volume(own, centre) * _volume(built, centre) < 0:
            raise _unknown(residue, f"is the mirror image of an L amino acid at its {centre[0]}")
    twins = TWINS.get(residue.name)
    if twins and _volume(own, twins) * _volume(built, twins) < 0:
        _, (_, one, other) = twins
        built[one], built[other] = built[other], built[one]


def _volume(atoms: dict[str, np.ndarray], centre: Centre) -> float:
    """The signed volume that three neighbours span with a centre; 0 where one of them is missing."""
    middle, arms = centre
    if not {middle, *arms} <= atoms.keys():
        return 0.0
    return float(np.linalg.det([atoms[arm] - atoms[middle] for arm in arms]))


def _add_hydrogens(molecule: Molecule, positions: np.ndarray) -> None:
    """Move each group of hydrogens with its heavy atom and that atom's neighbours, as a rigid body.

    So hydrogens keep their names' handedness, and none is left to chance.
    """
    neighbours = defaultdict(list)
    for one, other in molecule.topology.bonds():
        neighbours[one.index].append(other)
        neighbours[other.index].append(one)
    for atom in molecule.topology.atoms():
        hydrogens = [other.index for other in neighbours[atom.index] if _is_hydrogen(other)]
        if _is_hydrogen(atom) or not hydrogens:
            continue
        frame = [other.index for other in neighbours[atom.index] if not _is_hydrogen(other)]
        if len(frame) == 1:  # a group that turns about its only bond: one more atom says how far
            further = (other.index for other in neighbours[frame[0]] if not _is_hydrogen(other))
            frame.append(next(index for index in further if index != atom.index))
        before, after = molecule.positions[frame], positions[frame]
        origin = molecule.positions[atom.index]
        rotation = _rotation(before - origin, after - positions[atom.index])
        positions[hydrogens] = positions[atom.index] + (molecule.positions[hydrogens] - origin) @ rotation


def _rotation(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The rotation R for which before @ R is nearest to after (W. Kabsch, Acta Cryst. A 32, 922, 1976)."""
    left, _, right = np.linalg.svd(before.T @ after)
    mirrored = np.linalg.det(left @ right) < 0
    return left @ np.diag([1.0, 1.0, -1.0 if mirrored else 1.0]) @ right


def _check_chain(topology: app.Topology, residues: list[app.topology.Residue]) -> None:
    """Raise UserError unless the residues are known and make one unbroken chain."""
    linked = {
        (one.residue.index, other.residue.index)
        for bond in topology.bonds()
        for one, other in (bond, bond[::-1])
        if (one.name, other.name) == ("C", "N")
    }
    for residue in residues:
        if residue.name not in CODES:
            raise _unknown(residue, "is none of the 20 amino acids and the caps ACE, NME, NHE")
        if residue.index > 0 and (residue.index - 1, residue.index) not in linked:
            raise _unknown(residue, "is not bonded to the residue before it")


def _is_hydrogen(atom: app.topology.Atom) -> bool:
    return atom.element is app.element.hydrogen


def _unknown(residue: app.topology.Residue, reason: str) -> UserError:
    named = f"residue {residue.name} {residue.id} of chain {residue.chain.id}"
    return UserError(f"system.start=extended: {named} {reason}")
