"""Hydrogens by the atoms that they are bonded to, where their names are not those of OpenMM."""

import gemmi

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.openmm_names import Hydrogen, hydrogens
from nnrep.structures.residues import AMINO_ACIDS, atom_of, drop_atoms, label, some
from nnrep.structures.side_chains import has_whole_side_chain

# The oxygens of an acid, of which the force field has the second one with a hydrogen.
ACIDS = {"ASP": ("OD1", "OD2"), "GLU": ("OE1", "OE2")}
LONGEST_OXYGEN_BOND = 1.2  # A, of a hydrogen
LONGEST_BOND = 1.6  # A, of a hydrogen; none is longer than 1.4


def name_hydrogens(chain: gemmi.Chain, where: str) -> None:
    """Give hydrogens the names of OpenMM, and remove those that are to be added again.

    A hydrogen whose name its residue does not know, or has twice, takes a free name of the atom that it is
    bonded to. Where an atom has more hydrogens than it may have, they all go, and so do those of a residue
    that lacks heavy atoms, whose hydrogens need not fit to what it will have.

    Args:
        chain: residues and atoms by the names of OpenMM, one location for each atom; changed in place.
        where: the file, for errors and the log.

    Raises:
        ConfigError: a hydrogen that is bonded to nothing, or to an atom that has none in the force field.
    """
    renamed, removed = [], []
    for index, residue in enumerate(chain):
        name = label(residue, chain)
        if residue.name in AMINO_ACIDS and not has_whole_side_chain(residue):
            removed += [name] if any(atom.is_hydrogen() for atom in residue) else []
            drop_atoms(residue, lambda atom: atom.is_hydrogen())
            continue
        termini = index == 0, index == len(chain) - 1
        known = [each for each in hydrogens(residue.name) if each.may_be_at(*termini)]
        _turn_acid(residue)
        before = [atom.name for atom in residue]
        unfit = _fit(residue, known, name, where)
        if before != [atom.name for atom in residue]:
            renamed.append(name)
        if unfit:
            removed.append(f"{name} ({' '.join(unfit)})")
            drop_atoms(residue, lambda atom: atom.name == "")
    if renamed:
        log().info("%s: hydrogens of %s are named by their bonds", where, some(renamed))
    if removed:
        log().info("%s: replaced the hydrogens of %s", where, some(removed))


def _turn_acid(residue: gemmi.Residue) -> None:
    """Give an acid's oxygens the names of each other where the first one has the hydrogen."""
    first, second = (atom_of(residue, name) for name in ACIDS.get(residue.name, ("", "")))
    if first is None or second is None:
        return
    near = [
        any(atom.is_hydrogen() and atom.pos.dist(oxygen.pos) < LONGEST_OXYGEN_BOND for atom in residue)
        for oxygen in (first, second)
    ]
    if near == [True, False]:
        first.name, second.name = second.name, first.name


def _fit(residue: gemmi.Residue, known: list[Hydrogen], name: str, where: str) -> list[str]:
    """Name the hydrogens of a residue; those of the atoms that are returned have lost their names."""
    groups: dict[str, list[gemmi.Atom]] = {}
    for atom in residue:
        if atom.is_hydrogen():
            groups.setdefault(_parent(atom, residue, known, name, where), []).append(atom)
    unfit = []
    for parent, atoms in groups.items():
        names = [each.name for each in known if each.parent == parent]
        if not names:
            first = atoms[0].name
            reason = f"{first} of {name} is bonded to {parent}, which has no hydrogen in the force field"
            raise ConfigError("system.pdb", f"{where}: {reason}; remove it, or all hydrogens")
        if len(atoms) > len(names):
            unfit.append(parent)
        _rename(atoms, names)
    return unfit


def _parent(atom: gemmi.Atom, residue: gemmi.Residue, known: list[Hydrogen], name: str, where: str) -> str:
    """The heavy atom of a hydrogen: the one that its name says, or else the nearest."""
    named = [atom_of(residue, each.parent) for each in known if each.name == atom.name]
    heavy = [other for other in residue if not other.is_hydrogen()]
    nearest = min(heavy, key=lambda other: atom.pos.dist(other.pos), default=None)
    parent = next((other for other in named if other and other.pos.dist(atom.pos) < LONGEST_BOND), nearest)
    if parent is None or parent.pos.dist(atom.pos) >= LONGEST_BOND:
        distance = "alone" if parent is None else f"{parent.pos.dist(atom.pos):.1f} A from {parent.name}"
        reason = f"{atom.name} of {name} is bonded to nothing ({distance}), was it ever placed?"
        raise ConfigError("system.pdb", f"{where}: {reason} Place it, or remove it so that it is added")
    return parent.name


def _rename(atoms: list[gemmi.Atom], names: list[str]) -> None:
    """Give the hydrogens of one atom its names; none to all of them if there are too many."""
    if len(atoms) > len(names):
        for atom in atoms:
            atom.name = ""
        return
    free = list(names)
    strange = []
    for atom in atoms:
        if atom.name in free:
            free.remove(atom.name)
        else:
            strange.append(atom)
    for atom in strange:
        atom.name = free.pop(0)
