"""The OpenMM system that a force field of XML files gives a molecule."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import openmm
from openmm import app

from nnrep.errors import ConfigError
from nnrep.structures.engines.engine import reading
from nnrep.structures.force_field import check_by_openmm, flexible_system, stored_xml
from nnrep.structures.force_field_names import KEY, files_of, hashes_of
from nnrep.structures.molecule import Molecule

KIND = "given"  # in the store
VERSION = 1  # raise it where the same files come to give another system


def with_parameters(molecule: Molecule, force_field: str) -> Molecule:
    """A molecule with the parameters of a force field's files, in vacuum with all bonds flexible.

    Raises:
        ConfigError: a file cannot be read, or knows a residue of the molecule not.
    """
    parts = (VERSION, openmm.version.full_version, molecule.hash, hashes_of(force_field))
    return replace(molecule, system=stored_xml(KIND, parts, lambda: _system(molecule, force_field)))


def _system(molecule: Molecule, force_field: str) -> openmm.System:
    paths = files_of(force_field)
    with reading(KEY, paths[0], "a force field of OpenMM, with the others"):
        field = _force_field(tuple(paths), tuple(hashes_of(force_field)))
    try:
        system = flexible_system(field, molecule.topology)
        check_by_openmm(system)
        return system
    except Exception as error:  # scripts of a file raise what they like
        text = str(error).strip() or type(error).__name__
        reason = f"{force_field} gives {molecule.name} no parameters: {text.splitlines()[0]}"
        raise ConfigError(KEY, reason) from error


@cache
def _force_field(paths: tuple[Path, ...], hashes: tuple[str, ...]) -> app.ForceField:
    """Of files that hold what the hashes are of."""
    return app.ForceField(*map(str, paths))
