"""Starts from a file: another structure of the molecule, such as the end of somebody's dynamics."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nnrep.choices.identity import hash_of_bytes
from nnrep.errors import ConfigError, UserError
from nnrep.structures.file_names import FORMATS, at_home, suffix_of
from nnrep.structures.molecule import Molecule
from nnrep.structures.places import Found, from_file
from nnrep.structures.preparation import ALL, Preparation
from nnrep.structures.prepare import checked, prepared_from
from nnrep.structures.residues import chain_letter
from nnrep.structures.units import ANGSTROM_PER_NM

if TYPE_CHECKING:
    from openmm import app

KEY, CHAIN = "system.start", "system.chain"
Atom = tuple[int, str]  # of which residue, counted from 0, and its name


def check_file(start: str, others: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless it names a structure file that is there.

    Args:
        start: what was given.
        others: starts that are no files, for the message.
    """
    if not suffix_of(start):
        formats = f"a structure file ({', '.join(FORMATS)}, or one of these with .gz)"
        raise ConfigError("start", f"must be one of {', '.join(others)}, or {formats}, got {start}")
    path = at_home(start)
    if not path.is_file():
        raise ConfigError("start", f"{path}: {'a folder' if path.is_dir() else 'no such file'}")


def content_hash(start: str) -> str:
    """A short hash of what a file holds, wherever it lies."""
    return hash_of_bytes(_found(start).data)


def start_from(start: str, molecule: Molecule) -> np.ndarray:
    """The positions of a molecule's atoms in another structure of it, whatever their order there.

    The file is prepared as any structure is: its first model, without water, and with the hydrogens that it
    lacks. Of several chains those with the letters of the molecule's are taken, or all.

    Args:
        start: a structure file.
        molecule: whose atoms they are.

    Returns:
        (n, 3) in nm, centred at the origin.

    Raises:
        UserError: the file cannot be read, or has other residues or atoms; names the first that differ.
    """
    try:
        positions = _of_chains(_found(start), start, molecule)
    except ConfigError as error:  # which names the key of the native structure
        raise ConfigError(KEY, error.reason) from error
    return positions - positions.mean(axis=0)


def _of_chains(file: Found, start: str, molecule: Molecule) -> np.ndarray:
    """Positions (n, 3) in nm of the first choice of chains that the file has."""
    has = ""
    for options in _choices(molecule):
        try:
            return _positions_in(file, options, start, molecule)
        except ConfigError as error:
            if error.key != CHAIN:
                raise
            has = error.reason.partition(";")[0].partition(", got")[0]
    letters = ", ".join(map(chain_letter, _letters(molecule)))
    raise ConfigError(KEY, f"{has}; must have the chain(s) {letters} of {molecule.name}")


def _choices(molecule: Molecule) -> list[Preparation]:
    """Of which chains: those of the same letters, or of other ones where a file has no more."""
    letters = _letters(molecule)
    same, other = Preparation(chain=",".join(letters)), Preparation(chain=ALL if len(letters) > 1 else None)
    return [same, other] if len(letters) > 1 else [other, same]


def _letters(molecule: Molecule) -> list[str]:
    return [chain.id.strip() for chain in molecule.topology.chains()]


def _positions_in(file: Found, options: Preparation, start: str, molecule: Molecule) -> np.ndarray:
    """Positions (n, 3) in nm of a file, with what it lacks, or as it is where it has exactly all atoms."""
    try:
        other = prepared_from(file, options)
        _check_residues(start, molecule, other)
        wanted, there = list(_atoms(molecule.topology)), list(_atoms(other.topology))
        _check_atoms(start, molecule, other, wanted, there)
    except ConfigError as error:
        if error.key != CHAIN and (positions := _as_they_are(file, options, molecule)) is not None:
            return positions
        raise
    place = {atom: index for index, atom in enumerate(there)}
    return other.positions[[place[atom] for atom in wanted]]


def _as_they_are(file: Found, options: Preparation, molecule: Molecule) -> np.ndarray | None:
    """Positions (n, 3) in nm where a file has exactly the molecule's atoms; None where it has not.

    A disulphide that is stretched is one by its atoms alone.
    """
    from nnrep.structures.openmm_names import FORMS  # of OpenMM, which most starts do without

    try:
        residues = [residue for residue, _ in checked(file, options).residues()]
    except UserError:
        return None
    names = [FORMS.get(residue.name, residue.name) for residue in molecule.topology.residues()]
    positions = {
        (number, atom.name): atom.pos.tolist() for number, residue in enumerate(residues) for atom in residue
    }
    wanted = list(_atoms(molecule.topology))
    if names != [residue.name for residue in residues] or positions.keys() != set(wanted):
        return None
    return np.array([positions[atom] for atom in wanted]) / ANGSTROM_PER_NM


def _check_atoms(
    start: str, molecule: Molecule, other: Molecule, wanted: list[Atom], there: list[Atom]
) -> None:
    missing, more = (sorted(set(one) - set(rest)) for one, rest in ((wanted, there), (there, wanted)))
    if missing or more:
        known = [f"no {_named(molecule, missing)}"] if missing else []
        known += [f"{_named(other, more)}, which {molecule.name} has not"] if more else []
        raise ConfigError(KEY, f"{start}: must have the atoms of {molecule.name}, has {' and '.join(known)}")


def _found(start: str) -> Found:
    return from_file(at_home(start), key=KEY)


def _check_residues(start: str, molecule: Molecule, other: Molecule) -> None:
    wanted, there = ([residue.name for residue in each.topology.residues()] for each in (molecule, other))
    if len(wanted) != len(there):
        counts = f"must have the {len(wanted)} residues of {molecule.name}, has {len(there)}"
        raise ConfigError(KEY, f"{start}: {counts}")
    for number, (one, another) in enumerate(zip(wanted, there, strict=True), start=1):
        if one != another:
            reason = f"must have the residues of {molecule.name}, has {another} where that has {one}"
            raise ConfigError(KEY, f"{start}: {reason} (residue {number})")


def _atoms(topology: "app.Topology") -> Iterator[Atom]:
    for number, residue in enumerate(topology.residues()):
        for atom in residue.atoms():
            yield number, atom.name


def _named(molecule: Molecule, atoms: list[Atom]) -> str:
    """The first atom in words, and how many more there are."""
    number, name = atoms[0]
    residue = list(molecule.topology.residues())[number]
    more = f" and {len(atoms) - 1} more" if len(atoms) > 1 else ""
    return f"{name} of {residue.name} {number + 1}{more}"
