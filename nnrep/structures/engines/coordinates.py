"""Positions of atoms in the files of several engines, in the order in which they stand there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from string import digits
from typing import Any, NamedTuple

import numpy as np
from openmm import app, unit

from nnrep.errors import ConfigError, require
from nnrep.structures.engines.engine import reading

ORGANIC = frozenset("HCNOPS")  # with which names of their atoms begin


class Coordinates(NamedTuple):
    """What a file of positions says.

    Attributes:
        path: of the file.
        positions: (n, 3) in nm.
        elements: of the atoms, None for an unknown one; empty where the file has none.
        names: of the atoms; empty where the file has elements, or no names.
        topology: atoms, residues and bonds; None where the file has none.
        box: whether a periodic box is given beside the positions.
    """

    path: Path
    positions: np.ndarray
    elements: Sequence[app.Element | None] = ()
    names: Sequence[str] = ()
    topology: app.Topology | None = None
    box: bool = False


def _pdb(path: Path) -> Coordinates:
    return _of_structure(path, app.PDBFile(str(path)))


def _cif(path: Path) -> Coordinates:
    return _of_structure(path, app.PDBxFile(str(path)))


def _of_structure(path: Path, read: Any) -> Coordinates:
    elements = [atom.element for atom in read.topology.atoms()]
    # Its box is that of a crystal, which the molecule is taken out of.
    return Coordinates(path, _in_nm(read.getPositions(asNumpy=True)), elements, topology=read.topology)


def _inpcrd(path: Path) -> Coordinates:
    read = app.AmberInpcrdFile(str(path))
    return Coordinates(path, _in_nm(read.positions), box=read.boxVectors is not None)


def _gro(path: Path) -> Coordinates:
    read = app.GromacsGroFile(str(path))
    vectors = read.getPeriodicBoxVectors()
    box = vectors is not None and bool(np.any(_in_nm(vectors)))
    return Coordinates(path, _in_nm(read.positions), names=read.atomNames, box=box)


def _crd(path: Path) -> Coordinates:
    read = app.CharmmCrdFile(str(path))
    return Coordinates(path, _in_nm(read.positions), names=read.attype)


def _in_nm(values: Any) -> np.ndarray:
    return np.asarray(values.value_in_unit(unit.nanometer), float)


# Suffix -> reader.
READERS: dict[str, Callable[[Path], Coordinates]] = {
    ".pdb": _pdb,
    ".ent": _pdb,
    ".cif": _cif,
    ".mmcif": _cif,
    ".inpcrd": _inpcrd,
    ".rst7": _inpcrd,
    ".gro": _gro,
    ".crd": _crd,
    ".cor": _crd,
}


def read_coordinates(path: Path, key: str) -> Coordinates:
    """The positions in a file.

    Raises:
        ConfigError: naming the key: the file cannot be read, or a position is not finite.
    """
    check_suffix(str(path), key)
    with reading(key, path, f"positions in a {path.suffix} file"):
        coordinates = READERS[path.suffix.lower()](path)
    finite = np.isfinite(coordinates.positions).all(axis=1)
    require(
        bool(finite.all()), key, "positions that are finite", f"{path}: atom {np.argmin(finite) + 1} is not"
    )
    return coordinates


def check_suffix(path: str, key: str, others: str = "") -> None:
    """Raise `ConfigError` naming the key, unless a file has a suffix of `READERS`.

    Args:
        path: the file.
        key: where it is asked for.
        others: what else could be given, for the message.
    """
    known = Path(path).suffix.lower() in READERS
    require(known, key, f"{others}positions in a file ({', '.join(READERS)})", path)


def check_atoms(coordinates: Coordinates, topology: app.Topology, key: str, whole: str) -> None:
    """Positions are those of the atoms of a topology, as far as that can be known.

    Args:
        coordinates: the positions.
        topology: the atoms.
        key: where the positions are asked for.
        whole: the file of the topology, for the message.

    Raises:
        ConfigError: naming the key: another number of atoms, or another element in one place.
    """
    atoms = list(topology.atoms())
    count, where = len(coordinates.positions), coordinates.path
    if count != len(atoms):
        raise ConfigError(key, f"{where}: must have the {len(atoms)} atoms of {whole}, has {count}")
    for atom, element in zip(atoms, coordinates.elements, strict=False):
        if element is not None and atom.element is not None and element is not atom.element:
            difference = f"{element.symbol} where {whole} has {atom.element.symbol}"
            reason = f"has {difference} (atom {atom.index + 1}, {atom.name} of {atom.residue.name})"
            raise ConfigError(key, f"{where}: must have the atoms of {whole} in its order, {reason}")
    for atom, name in zip(atoms, coordinates.names, strict=False):
        if not _may_be(name, atom):
            reason = (
                f"has {name} where {whole} has {atom.name} of {atom.residue.name} (atom {atom.index + 1})"
            )
            raise ConfigError(key, f"{where}: must have the atoms of {whole} in its order, {reason}")


def _may_be(name: str, atom: app.topology.Atom) -> bool:
    """Whether a name may be that of an atom: names differ by program, their first letters do not."""
    first, usual = (each.lstrip(digits)[:1].upper() for each in (name, atom.name))
    wanted = usual if atom.element is None else atom.element.symbol
    return first == wanted or not {first, wanted} <= ORGANIC
