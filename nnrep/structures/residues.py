"""Residues by name and kind, and how errors name them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import gemmi

# Name -> letter.
AMINO_ACIDS = {
    "ALA": "A", "ARG": "R", "ASN": "N", "ASP": "D", "CYS": "C", "GLN": "Q", "GLU": "E", "GLY": "G",
    "HIS": "H", "ILE": "I", "LEU": "L", "LYS": "K", "MET": "M", "PHE": "F", "PRO": "P", "SER": "S",
    "THR": "T", "TRP": "W", "TYR": "Y", "VAL": "V",
}  # fmt: skip
FIRST_CAPS, LAST_CAPS = frozenset({"ACE"}), frozenset({"NME", "NH2"})
CAPS = FIRST_CAPS | LAST_CAPS
BACKBONE = ("N", "CA", "C", "O")

# Names of simulation programs -> the amino acid, and OpenMM's name of the protonation that they stand for.
PROTONATIONS = {
    "HID": ("HIS", "HID"),
    "HSD": ("HIS", "HID"),
    "HIE": ("HIS", "HIE"),
    "HSE": ("HIS", "HIE"),
    "HIP": ("HIS", "HIP"),
    "HSP": ("HIS", "HIP"),
    "ASH": ("ASP", "ASH"),
    "GLH": ("GLU", "GLH"),
    "LYN": ("LYS", "LYN"),
    "CYM": ("CYS", "CYX"),
    "CYX": ("CYS", None),
}
OTHER_NAMES = {"NMA": "NME", "NHE": "NH2"}
WATERS = frozenset({"SOL", "TIP", "TIP3", "TP3", "T4P", "SPC"})


def is_water(residue: "gemmi.Residue") -> bool:
    """Whether a residue is water, heavy water included."""
    return residue.is_water() or residue.name in WATERS


def is_nucleic(residue: "gemmi.Residue") -> bool:
    """Whether a residue belongs to DNA or RNA."""
    import gemmi  # the tables above are known without it

    return gemmi.find_tabulated_residue(residue.name).is_nucleic_acid()


def is_cap(residue: "gemmi.Residue") -> bool:
    """Whether a residue is a cap of a chain's end."""
    return OTHER_NAMES.get(residue.name, residue.name) in CAPS


def is_protein(residue: "gemmi.Residue") -> bool:
    """Whether a residue is part of a protein's chain: an amino acid of any kind, or a cap of its ends."""
    import gemmi

    if is_cap(residue):
        return True
    if residue.entity_type == gemmi.EntityType.NonPolymer:  # a free amino acid, after the end of its chain
        return False
    known = gemmi.find_tabulated_residue(residue.name).is_amino_acid() or residue.name in PROTONATIONS
    return known or all(residue.find_atom(name, "*") for name in ("N", "CA", "C"))


def label(residue: "gemmi.Residue", chain: "gemmi.Chain") -> str:
    """A residue as the file names it: "GLY A 10A"."""
    return f"{residue.name} {chain.name} {residue.seqid}".replace("  ", " ")


def chain_letter(name: str) -> str:
    """A chain's name for people."""
    return name or "(blank)"


def some(names: list[str], most: int = 5) -> str:
    """Names in a row, the first few of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def atom_of(residue: "gemmi.Residue", name: str) -> "gemmi.Atom | None":
    """The atom of a name, whatever its alternate location."""
    return residue.find_atom(name, "*")


def position_of(atom: "gemmi.Atom") -> np.ndarray:
    """An atom's position, (3,) in A."""
    return np.array(atom.pos.tolist())


def drop_atoms(residue: "gemmi.Residue", unwanted: "Callable[[gemmi.Atom], bool]") -> None:
    """Remove atoms; whoever holds atoms of the residue holds others after this."""
    for index in reversed(range(len(residue))):
        if unwanted(residue[index]):
            del residue[index]
