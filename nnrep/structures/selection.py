"""Atoms by a selection: a word, or gemmi's syntax (https://gemmi.readthedocs.io, "Selections").

`backbone` is N, CA and C of residues that have a CA, `ca` the CA alone, `heavy` all but hydrogens. In gemmi's
syntax `10-20` is a range of residues in all chains, `A/10-20` in chain A, `//*/10-20/CA` one atom of each,
`[!H]` all but hydrogens, `//*/(GLY)` all glycines. A list of selections is their union.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.errors import ConfigError, is_integer, require
from nnrep.structures.residues import PEPTIDE_ATOMS

if TYPE_CHECKING:
    import gemmi
    from openmm import app

NAMED = 3  # chains that a message names
EXAMPLES = "backbone, ca, heavy, or a selection of gemmi's such as 10-20, A/10-20 or //*/*/[!H]"


def check_selection(selection: Any, key: str) -> None:
    """Raise `ConfigError` naming the key, unless it is a word, a selection of gemmi's, or a list of these."""
    parts = _parts(selection)
    words = [(isinstance(part, str) and part.strip()) or is_integer(part) for part in parts]
    require(len(words) > 0 and all(words), key, f"{EXAMPLES}, or a list of these", selection)
    for part in map(str, parts):
        if part not in WORDS:
            _of_gemmi(part, key)


def selected(selection: Any, topology: "app.Topology", key: str) -> np.ndarray:
    """Which atoms (n,) of a topology a selection takes.

    Args:
        selection: a word, a selection of gemmi's, or a list of these, whose union is taken.
        topology: OpenMM's; chains and residues by their names and numbers.
        key: of the configuration, for messages.

    Raises:
        ConfigError: naming the key: the syntax is wrong, or a selection takes no atoms.
    """
    check_selection(selection, key)
    which = np.zeros(topology.getNumAtoms(), bool)
    for part in map(str, _parts(selection)):
        atoms = WORDS[part](topology) if part in WORDS else _by_gemmi(part, topology, key)
        words = f"or {', '.join(WORDS)}"
        require(
            len(atoms) > 0, key, f"a selection of atoms that there are ({_extent(topology)}), {words}", part
        )
        which[atoms] = True
    return which


def chain_atoms(topology: "app.Topology", *names: str) -> np.ndarray:
    """Indices of the atoms of some names in residues that have a CA, so that caps have none."""
    residues = [list(residue.atoms()) for residue in topology.residues()]
    chain = [atoms for atoms in residues if any(atom.name == "CA" for atom in atoms)]
    return np.array([atom.index for atoms in chain for atom in atoms if atom.name in names], int)


def _heavy(topology: "app.Topology") -> np.ndarray:
    heavy = [
        atom.index for atom in topology.atoms() if atom.element is not None and atom.element.symbol != "H"
    ]
    return np.array(heavy, int)


WORDS: "dict[str, Callable[[app.Topology], np.ndarray]]" = {
    "backbone": lambda topology: chain_atoms(topology, *PEPTIDE_ATOMS),
    "ca": lambda topology: chain_atoms(topology, "CA"),
    "heavy": _heavy,
}


def _parts(selection: Any) -> list[Any]:
    return list(selection) if isinstance(selection, list | tuple) else [selection]


def _of_gemmi(text: str, key: str) -> "gemmi.Selection":
    import gemmi  # runs without a selection begin without it

    try:
        return gemmi.Selection(text)
    except (RuntimeError, ValueError) as error:
        reason = str(error).removesuffix(f": {text}").lower()
        raise ConfigError(key, f"must be {EXAMPLES}, got {text} ({reason})") from error


def _by_gemmi(text: str, topology: "app.Topology", key: str) -> np.ndarray:
    structure = _structure(topology)
    chosen = _of_gemmi(text, key)
    atoms = [
        atom.serial
        for model in chosen.models(structure)
        for chain in chosen.chains(model)
        for residue in chosen.residues(chain)
        for atom in chosen.atoms(residue)
    ]
    return np.array(atoms, int)


def _structure(topology: "app.Topology") -> "gemmi.Structure":
    """The names of a topology as gemmi has them; an atom's serial number is its index."""
    import gemmi

    structure, model = gemmi.Structure(), gemmi.Model(1)
    for chain in topology.chains():
        named = gemmi.Chain(chain.id)
        for place, residue in enumerate(chain.residues(), start=1):
            one = gemmi.Residue()
            number = residue.id if _is_number(residue.id) else place
            one.name, one.seqid = residue.name, gemmi.SeqId(int(number), residue.insertionCode.strip() or " ")
            for atom in residue.atoms():
                each = gemmi.Atom()
                each.name, each.serial = atom.name, atom.index
                each.element = gemmi.Element("X" if atom.element is None else atom.element.symbol)
                one.add_atom(each)
            named.add_residue(one)
        model.add_chain(named)
    structure.add_model(model)
    return structure


def _is_number(text: Any) -> bool:
    return str(text).strip().removeprefix("-").isdecimal()


def _extent(topology: "app.Topology") -> str:
    """Chains and residues in words: "residues 1 to 20 of chain A"."""
    ids = {chain.id: [residue.id for residue in chain.residues()] for chain in topology.chains()}
    chains = [f"residues {own[0]} to {own[-1]} of chain {name}" for name, own in ids.items() if own]
    more = f", {len(chains) - NAMED} more chains" if len(chains) > NAMED else ""
    return ", ".join(chains[:NAMED]) + more
