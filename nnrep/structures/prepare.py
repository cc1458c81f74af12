"""From the name of a structure to a molecule that can be computed; made once and kept."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import openmm

from nnrep.structures.molecule import Molecule
from nnrep.structures.places import Found, find_structure
from nnrep.structures.preparation import Preparation
from nnrep.structures.residues import chain_letter
from nnrep.structures.store import load, save

if TYPE_CHECKING:
    from nnrep.structures.names import Named

KIND = "prepared"
VERSION = 3  # raise it where the same file comes to be prepared in another way


def prepared(pdb: str | None, folders: Sequence[str | Path], options: Preparation) -> Molecule:
    """Find, read, check and complete a structure, or take it from the cache where that was done before.

    Args:
        pdb: as for `find_structure`: None, a file, or an entry of the Protein Data Bank.
        folders: where entries are looked for first.
        options: which model and chain, and what happens to ligands.

    Returns:
        The molecule with all its hydrogens; positions in nm, of three decimals in A.

    Raises:
        UserError: the structure cannot be found or not be computed, in one line.
    """
    return prepared_from(find_structure(pdb, folders), options)


def prepared_from(found: Found, options: Preparation) -> Molecule:
    """The same of a structure that was found; raises `UserError` where it cannot be computed."""
    key = _key(found, options)
    return _stored(key, found, options) or _fresh(key, found, options)


def _fresh(key: str, found: Found, options: Preparation) -> Molecule:
    # What reads and completes a structure takes a second to load, and a stored one needs none of it.
    from nnrep.structures.complete import complete

    text = complete(checked(found, options), found.origin)
    save(KIND, key, text)
    return _molecule(text, found, options)


def checked(found: Found, options: Preparation) -> "Named":
    """The atoms that a file has, all of them named as OpenMM does; raises `UserError` as `prepared` does."""
    from nnrep.structures.checks import check_chain, check_positions
    from nnrep.structures.hydrogens import name_hydrogens
    from nnrep.structures.names import standard_names
    from nnrep.structures.read import read_structure

    structure = read_structure(found, options)
    check_positions(list(structure[0]), found.origin)
    named = standard_names(structure, found.origin)
    for chain in named.structure[0]:
        check_chain(chain, found.origin)
        name_hydrogens(chain, found.origin)
    return named


def _stored(key: str, found: Found, options: Preparation) -> Molecule | None:
    text = load(KIND, key)
    return None if text is None else _molecule(text, found, options)


def _molecule(text: str, found: Found, options: Preparation) -> Molecule:
    """Always from the text, so that fresh and stored molecules are the same."""
    molecule = Molecule.from_pdb(text, found.name, "")
    names = options.chains or [chain.id.strip() for chain in molecule.topology.chains()]
    place = found.path.name if found.path is not None else found.origin
    which = f"chain{'s' * (len(names) > 1)} {', '.join(map(chain_letter, names))}"
    source = f"{place}, model {options.model}, {which}"
    return Molecule(found.name, source, text, molecule.topology, molecule.positions)


def _key(found: Found, options: Preparation) -> str:
    choices = (VERSION, openmm.version.full_version, options.model, options.chain, options.heterogens.name)
    return hashlib.sha256(repr(choices).encode() + b"\n" + found.data).hexdigest()
