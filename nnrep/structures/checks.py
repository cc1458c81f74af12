"""What makes a chain impossible to compute, each in one line that says where and what to do."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.force_field import FORCE_FIELD
from nnrep.structures.residues import (
    AMINO_ACIDS,
    BACKBONE,
    CAPS,
    CLOSEST_ATOMS,
    FIRST_CAPS,
    LAST_CAPS,
    LONGEST_PEPTIDE_BOND,
    atom_of,
    label,
    peptide_length,
    some,
)

if TYPE_CHECKING:
    import gemmi

# A, of heavy atoms of different residues that no bond joins, with a sulphur and without.
CLOSEST_TO_SULPHUR, CLOSEST_APART = 1.95, 1.65
CLOSEST_HEAVY_ATOMS = 1.0  # A, of different residues; the shortest bond between two is 1.3
FARTHEST_IN_RESIDUE = 30.0  # A, from the median of a residue's positions; a stretched ARG reaches 8
LONGEST_BOND_BY_RADII = 1.5  # in sums of covalent radii
LOWEST, HIGHEST = -999.999, 9999.999  # A: what the columns of a PDB file hold


def check_positions(chains: "Sequence[gemmi.Chain]", where: str) -> None:
    """Every atom has a position of its own, which a PDB file can hold.

    Args:
        chains: positions in A.
        where: the file, for errors.

    Raises:
        ConfigError: naming the atoms at fault.
    """
    atoms = [(atom, residue, chain) for chain in chains for residue in chain for atom in residue]
    for atom, residue, chain in atoms:
        if not all(map(isfinite, atom.pos.tolist())):
            _fail(f"{where}: {atom.name} of {label(residue, chain)} has no finite position; mend the file")
    for chain in chains:
        for residue in chain:
            _check_placed(residue, chain, where)
    for atom, residue, chain in atoms:
        if not all(LOWEST < value < HIGHEST for value in atom.pos.tolist()):
            name = f"{atom.name} of {label(residue, chain)}"
            _fail(f"{where}: {name} is too far away for a PDB file; move the structure to the origin")
    for chain in chains:
        _check_names(chain, where)
    _check_overlaps(atoms, where)
    _report_crosslinks(chains, where)


def _check_placed(residue: "gemmi.Residue", chain: "gemmi.Chain", where: str) -> None:
    """No atom far from its residue, and no two at the origin, as programs write those they never placed."""
    points = np.array([atom.pos.tolist() for atom in residue]).reshape(-1, 3)
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1) > FARTHEST_IN_RESIDUE
    at_origin = ~points.any(axis=1)
    unplaced = away | (at_origin if at_origin.sum() > 1 else False)
    if unplaced.any():
        names = some([residue[int(index)].name for index in np.flatnonzero(unplaced)])
        place = ", ".join(f"{x:.3f}" for x in points[np.flatnonzero(unplaced)[0]])
        what = f"{names} of {label(residue, chain)} was never placed (it is at {place})"
        _fail(f"{where}: {what}; place it, or remove it so that it is added")


def _check_overlaps(atoms: "list[tuple[gemmi.Atom, gemmi.Residue, gemmi.Chain]]", where: str) -> None:
    from scipy.spatial import cKDTree  # structures that are stored have been checked

    tree = cKDTree(np.array([atom.pos.tolist() for atom, _, _ in atoms]))

    def clashes(i: int, j: int) -> bool:
        """Whether two atoms of less than CLOSEST_HEAVY_ATOMS are too close for what they are."""
        (one, its, _), (other, others, _) = atoms[i], atoms[j]
        heavy = not (one.is_hydrogen() or other.is_hydrogen())
        return (heavy and its is not others) or one.pos.dist(other.pos) < CLOSEST_ATOMS

    pairs = sorted(pair for pair in tree.query_pairs(CLOSEST_HEAVY_ATOMS) if clashes(*pair))
    if pairs:
        first, second = (
            f"{atom.name} of {label(residue, chain)}"
            for atom, residue, chain in map(atoms.__getitem__, pairs[0])
        )
        more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
        _fail(f"{where}: {first} and {second} are on top of each other{more}; mend the file")


class _Placed(NamedTuple):
    """An atom, and where it is: the numbers of its chain and of its residue in that."""

    chain: int
    number: int
    residue: "gemmi.Residue"
    atom: "gemmi.Atom"


def _report_crosslinks(chains: "Sequence[gemmi.Chain]", where: str) -> None:
    """Say which atoms are as near as bonded ones, though no bond that is computed joins them."""
    from scipy.spatial import cKDTree  # structures that are stored have been checked

    atoms = [
        _Placed(place, number, residue, atom)
        for place, chain in enumerate(chains)
        for number, residue in enumerate(chain)
        for atom in residue
        if not atom.is_hydrogen()
    ]
    points = np.array([each.atom.pos.tolist() for each in atoms])
    near = ((atoms[i], atoms[j]) for i, j in sorted(cKDTree(points).query_pairs(CLOSEST_TO_SULPHUR)))
    crosslinks = [
        f"{_named(one, chains)} and {_named(other, chains)} ({one.atom.pos.dist(other.atom.pos):.1f} A)"
        for one, other in near
        if _is_crosslink(one, other)
    ]
    if crosslinks:
        log().warning("%s: no bond is computed between %s, near as they are", where, some(crosslinks, 2))


def _named(placed: _Placed, chains: "Sequence[gemmi.Chain]") -> str:
    return f"{placed.atom.name} of {label(placed.residue, chains[placed.chain])}"


def _is_crosslink(one: _Placed, other: _Placed) -> bool:
    """Whether two near atoms look bonded by none of the bonds that are computed."""
    apart = abs(one.number - other.number) if one.chain == other.chain else np.inf
    is_peptide = apart == 1 and {one.atom.name, other.atom.name} == {"C", "N"}
    sulphurs = [one.atom.element.name, other.atom.element.name].count("S")
    if apart == 0 or is_peptide or sulphurs == 2:
        return False
    return bool(one.atom.pos.dist(other.atom.pos) <= (CLOSEST_TO_SULPHUR if sulphurs else CLOSEST_APART))


def _check_names(chain: "gemmi.Chain", where: str) -> None:
    for residue in chain:
        names = [atom.name for atom in residue if not atom.is_hydrogen()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            _fail(f"{where}: {label(residue, chain)} has {some(twice)} twice; mend the file")


def check_end(text: str, chain: "gemmi.Chain", where: str) -> None:
    """A PDB file that tells the chain's sequence has all of it, or says that the chain ends.

    Args:
        text: of the file.
        chain: as it was read.
        where: the file, for errors.

    Raises:
        ConfigError: the file stops within the chain.
    """
    lines = text.splitlines()
    counts = [
        line[13:17] for line in lines if line.startswith("SEQRES") and line[11:12].strip() == chain.name
    ]
    wanted = int(counts[0]) if counts and counts[0].strip().isdigit() else 0
    if len(chain) < wanted and not any(line.startswith(("TER", "END")) for line in lines):
        last = label(chain[-1], chain)
        what = f"ends at {last}, residue {len(chain)} of the {wanted} of its sequence"
        _fail(f"{where}: cut off: it {what}, and has neither TER nor END; get the file again")


def check_chain(chain: "gemmi.Chain", where: str) -> None:
    """The chain is whole, and of amino acids that the force field knows.

    Args:
        chain: of one location for each atom, names standardised, positions in A.
        where: the file, for errors.

    Raises:
        ConfigError: naming the residues at fault.
    """
    _check_names(chain, where)  # again: two programs' names may stand for one
    _check_residues(chain, where)
    for residue in chain:
        _check_known_atoms(residue, chain, where)
        _check_backbone(residue, chain, where)
    _check_open(chain, where)
    for residue in chain:
        _check_lengths(residue, chain, where)
    for before, after in pairwise(chain):
        _check_bond(before, after, chain, where)


def _check_residues(chain: "gemmi.Chain", where: str) -> None:
    last = len(chain) - 1
    strange = [residue for residue in chain if residue.name not in AMINO_ACIDS.keys() | CAPS]
    if strange:
        names = some([f"{label(residue, chain)}{_likeness(residue)}" for residue in strange])
        _fail(f"{where}: {FORCE_FIELD} (ff14SB) knows no residue like {names}; replace it in the file")
    for index, residue in enumerate(chain):
        misplaced = (residue.name in FIRST_CAPS and index > 0) or (residue.name in LAST_CAPS and index < last)
        if misplaced:
            _fail(f"{where}: the cap {label(residue, chain)} is not at its end of the chain; mend the file")
    if not any(residue.name in AMINO_ACIDS for residue in chain):
        _fail(f"{where}: nothing but caps of a chain; give the file of a protein")
    if len(chain) == 1:
        reason = f"{FORCE_FIELD} has no template for a single amino acid, {label(chain[0], chain)}"
        _fail(f"{where}: {reason}; give a chain of two residues at least, or cap it")


def _likeness(residue: "gemmi.Residue") -> str:
    """The amino acid that a modified one is made from."""
    import gemmi

    letter = gemmi.find_tabulated_residue(residue.name).one_letter_code.upper()
    parent = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA) if letter.isalpha() else ""
    return f" (made from {parent})" if parent in AMINO_ACIDS else ""


def _check_backbone(residue: "gemmi.Residue", chain: "gemmi.Chain", where: str) -> None:
    missing = [name for name in BACKBONE if atom_of(residue, name) is None]
    if residue.name in CAPS or not missing:
        return
    name = f"{label(residue, chain)} lacks {', '.join(missing)} of the backbone"
    if residue.seqid == chain[-1].seqid:
        _fail(f"{where}: the last residue {name}; is the file cut off? complete it or remove the residue")
    _fail(f"{where}: {name}; give a structure with the whole backbone")


def _check_known_atoms(residue: "gemmi.Residue", chain: "gemmi.Chain", where: str) -> None:
    from nnrep.structures.openmm_names import bonds

    known = {name for pair in bonds(residue.name) for name in pair}
    strange = [atom.name for atom in residue if not atom.is_hydrogen() and atom.name not in known]
    if strange:
        what = f"{some(strange)} of {label(residue, chain)}, which {residue.name} has not"
        _fail(f"{where}: {what}; remove it, or give it its usual name")


def _check_lengths(residue: "gemmi.Residue", chain: "gemmi.Chain", where: str) -> None:
    """No bond between heavy atoms is longer than chemistry allows; `name_hydrogens` sees to the others."""
    from nnrep.structures.openmm_names import bonds

    for pair in bonds(residue.name):
        one, other = (atom_of(residue, name) for name in pair)
        if one is None or other is None or one.is_hydrogen() or other.is_hydrogen():
            continue
        ideal = one.element.covalent_r + other.element.covalent_r
        length = one.pos.dist(other.pos)
        at_origin = [atom.name for atom in (one, other) if not any(atom.pos.tolist())]
        if length > LONGEST_BOND_BY_RADII * ideal or (at_origin and abs(length / ideal - 1) > 0.3):
            who = (
                f"{one.name} and {other.name} of {label(residue, chain)} are bonded, but {length:.1f} A apart"
            )
            which = f", as {at_origin[0]} was never placed" if at_origin else ""
            _fail(f"{where}: {who}{which}; place the atom, or remove it so that it is added")


def _check_bond(before: "gemmi.Residue", after: "gemmi.Residue", chain: "gemmi.Chain", where: str) -> None:
    length = peptide_length(before, after)
    between = f"{label(before, chain)} and {label(after, chain)}"
    if length is None:
        _fail(f"{where}: the bond between {between} lacks an atom; mend the file")
    if length > LONGEST_PEPTIDE_BOND:
        what = f"a gap between {between} (C-N is {length:.1f} A)"
        advice = "give a structure without gaps, or only one side of it; chains have letters of their own"
        _fail(f"{where}: {what}; {advice}")


def _check_open(chain: "gemmi.Chain", where: str) -> None:
    length = peptide_length(chain[-1], chain[0])
    if len(chain) > 2 and length is not None and length < LONGEST_PEPTIDE_BOND:
        closure = f"{label(chain[-1], chain)} to {label(chain[0], chain)}"
        _fail(f"{where}: the backbone is a ring, closed from {closure}; nnrep computes open chains only")


def _fail(reason: str) -> NoReturn:
    raise ConfigError("system.pdb", reason)
