"""Missing heavy atoms of side chains, placed by the ideal geometry of their amino acid."""

import warnings
from functools import cache
from typing import NamedTuple

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from nnrep.structures.residues import AMINO_ACIDS, atom_of, drop_atoms, position_of

LONGEST_BOND = 1.95  # A, between heavy atoms of one amino acid
COMFORT = 2.5  # A: nearer to other residues, and another angle about the free bond is tried
TURN = np.deg2rad(30)


class Ideal(NamedTuple):
    """An amino acid's heavy atoms in ideal geometry.

    Attributes:
        positions: name -> (3,) in A, the backbone first.
        bonds: name -> the names that it is bonded to.
    """

    positions: dict[str, np.ndarray]
    bonds: dict[str, list[str]]


@cache
def ideal_residue(name: str) -> Ideal:
    """The ideal geometry of an amino acid, from PeptideBuilder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Biopython's, of modules that are not used here
        import PeptideBuilder
        from PeptideBuilder import Geometry

        built = PeptideBuilder.initialize_res(Geometry.geometry(AMINO_ACIDS[name]))
    positions = {atom.get_id(): np.array(atom.coord, float) for atom in built.get_atoms()}
    if name == "LEU":  # PeptideBuilder has the two names the other way round
        positions["CD1"], positions["CD2"] = positions["CD2"], positions["CD1"]
    bonds = {
        one: [
            other
            for other in positions
            if other != one and np.linalg.norm(positions[one] - positions[other]) < LONGEST_BOND
        ]
        for one in positions
    }
    return Ideal(positions, bonds)


def complete_side_chain(residue: gemmi.Residue, others: np.ndarray) -> list[str]:
    """Add the missing heavy atoms of a residue, whose backbone is whole.

    Where a missing part may turn about the bond that it hangs on, it turns by steps of 30 degrees if it
    would come near to other residues.

    Args:
        residue: one of the 20 amino acids; its new atoms come last, its hydrogens go if there are any new.
        others: (m, 3) positions of the atoms of other residues, in A.

    Returns:
        The names of the new atoms.
    """
    ideal = ideal_residue(residue.name)
    present = {atom.name: position_of(atom) for atom in residue if not atom.is_hydrogen()}
    missing = [name for name in ideal.positions if name not in present]
    if not missing:
        return []
    placed = _placed(ideal, present, missing, residue.name)
    axis = _free_bond(ideal, present)
    if axis is not None:
        placed = _turned(placed, axis, _beyond(ideal, *axis), others)
    # Hydrogens of what was there, a methyl's at a cut CB, need not fit to what is there now.
    drop_atoms(residue, lambda atom: atom.is_hydrogen())
    for name in missing:
        residue.add_atom(new_atom(name, placed[name]))
    return missing


def new_atom(name: str, position: np.ndarray) -> gemmi.Atom:
    """A heavy atom of an amino acid; its element is its name's first letter."""
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = name, gemmi.Element(name[0]), gemmi.Position(*position)
    return atom


def has_whole_side_chain(residue: gemmi.Residue) -> bool:
    """Whether no heavy atom of an amino acid is missing."""
    return all(atom_of(residue, name) for name in ideal_residue(residue.name).positions)


def _placed(
    ideal: Ideal, present: dict[str, np.ndarray], missing: list[str], residue: str
) -> dict[str, np.ndarray]:
    """All positions, each missing atom placed by the nearest atoms that are there."""
    placed = dict(present)
    while len(placed) < len(present) + len(missing):
        name = next(name for name in missing if name not in placed and _near(ideal, placed, name))
        # The ring of PRO closes on the backbone, so that all of it decides.
        frame = [other for other in ideal.positions if other in placed and other != "O"]
        if residue != "PRO":
            frame = _frame(ideal, placed, name)
        fit = gemmi.superpose_positions(
            [gemmi.Position(*placed[other]) for other in frame],
            [gemmi.Position(*ideal.positions[other]) for other in frame],
        )
        placed[name] = np.array(fit.transform.apply(gemmi.Position(*ideal.positions[name])).tolist())
    return placed


def _near(ideal: Ideal, placed: dict[str, np.ndarray], name: str) -> list[str]:
    """The atoms that are there and bonded to an atom."""
    return [other for other in ideal.bonds[name] if other in placed]


def _frame(ideal: Ideal, placed: dict[str, np.ndarray], name: str) -> list[str]:
    """At least three atoms around a missing one that move with it as one body, or nearly so."""
    parents = _near(ideal, placed, name)
    around = {parent: _near(ideal, placed, parent) for parent in parents}
    for parent in parents:
        if len(around[parent]) > 1:
            return [parent, *around[parent]]
    frame = list(dict.fromkeys([*parents, *(other for near in around.values() for other in near)]))
    if len(frame) > 2:
        return frame
    # A lone parent may turn about its only bond: what is there at that bond's other end decides.
    return list(dict.fromkeys([*frame, *_near(ideal, placed, frame[1])]))


def _free_bond(ideal: Ideal, present: dict[str, np.ndarray]) -> tuple[str, str] | None:
    """The bond about which the missing part may turn, as its inner and outer atom."""
    for outer in ideal.positions:
        inner = _near(ideal, present, outer)
        if outer in ("N", "CA", "C", "O") or len(inner) != 1:
            continue
        beyond = _beyond(ideal, inner[0], outer)
        in_ring = any(inner[0] in ideal.bonds[name] for name in beyond)
        if beyond and not in_ring and not any(name in present for name in beyond):
            return inner[0], outer
    return None


def _beyond(ideal: Ideal, inner: str, outer: str) -> list[str]:
    """The atoms that turn with a bond."""
    reached, front = {inner, outer}, [outer]
    while front:
        fresh = [other for name in front for other in ideal.bonds[name] if other not in reached]
        reached.update(fresh)
        front = fresh
    return [name for name in ideal.positions if name in reached - {inner, outer}]


def _turned(
    placed: dict[str, np.ndarray], axis: tuple[str, str], moving: list[str], others: np.ndarray
) -> dict[str, np.ndarray]:
    """The first angle at which the moving atoms are in comfort, else the best of all."""
    if not len(others):
        return placed
    tree = cKDTree(others)
    origin, direction = placed[axis[1]], placed[axis[1]] - placed[axis[0]]
    direction = direction / np.linalg.norm(direction)
    arms = np.array([placed[name] for name in moving]) - origin
    turns = [origin + _rotated(arms, direction, step * TURN) for step in range(12)]
    rooms = [float(tree.query(points)[0].min()) for points in turns]
    best = 0 if rooms[0] >= COMFORT else int(np.argmax(rooms))
    return placed | dict(zip(moving, turns[best], strict=True))


def _rotated(arms: np.ndarray, direction: np.ndarray, angle: float) -> np.ndarray:
    """Rodrigues' formula."""
    along = np.outer(arms @ direction, direction)
    return along + (arms - along) * np.cos(angle) + np.cross(direction, arms) * np.sin(angle)
