"""Starts from a file: another structure of the molecule, such as the end of somebody's dynamics."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnrep.choices.identity import hash_of_bytes
from nnrep.errors import ConfigError
from nnrep.structures.file_names import FORMATS, suffix_of
from nnrep.structures.molecule import Molecule
from nnrep.structures.places import Found, from_file
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared_from

if TYPE_CHECKING:
    from openmm import app

KEY = "system.start"
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
    path = Path(start).expanduser()
    if not path.is_file():
        raise ConfigError("start", f"{path}: {'a folder' if path.is_dir() else 'no such file'}")


def content_hash(start: str) -> str:
    """A short hash of what a file holds, wherever it lies."""
    return hash_of_bytes(_found(start).data)


def start_from(start: str, molecule: Molecule) -> np.ndarray:
    """The positions of a molecule's atoms in another structure of it, whatever their order there.

    The file is prepared as any structure is: its first model and only protein chain, without water, and with
    the hydrogens that it lacks.

    Args:
        start: a structure file.
        molecule: whose atoms they are.

    Returns:
        (n, 3) in nm, centred at the origin.

    Raises:
        UserError: the file cannot be read, or has other residues or atoms; names the first that differ.
    """
    file = _found(start)
    try:
        other = prepared_from(file, Preparation())
    except ConfigError as error:  # which names the key of the native structure
        raise ConfigError(KEY, error.reason) from error
    _check_residues(start, molecule, other)
    wanted, there = list(_atoms(molecule.topology)), list(_atoms(other.topology))
    missing, more = (sorted(set(one) - set(rest)) for one, rest in ((wanted, there), (there, wanted)))
    if missing or more:
        known = [f"no {_named(molecule, missing)}"] if missing else []
        known += [f"{_named(other, more)}, which {molecule.name} has not"] if more else []
        raise ConfigError(KEY, f"{start}: must have the atoms of {molecule.name}, has {' and '.join(known)}")
    place = {atom: index for index, atom in enumerate(there)}
    positions = other.positions[[place[atom] for atom in wanted]]
    return positions - positions.mean(axis=0)


def _found(start: str) -> Found:
    return from_file(Path(start).expanduser(), key=KEY)


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
