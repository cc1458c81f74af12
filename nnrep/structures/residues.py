"""Residues by name and kind, and how errors name them."""

from collections.abc import Callable
from itertools import pairwise
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
PEPTIDE_ATOMS = ("N", "CA", "C")  # which all amino acids have, in the order of the chain
BACKBONE = (*PEPTIDE_ATOMS, "O")
ELEMENTS = frozenset({"H", "D", "C", "N", "O", "S"})  # of amino acids
CLOSEST_ATOMS = 0.5  # A, that can be two atoms
LONGEST_DISULPHIDE = 2.5  # A
LONGEST_PEPTIDE_BOND = 2.0  # A, between C and N

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
    "LSN": ("LYS", "LYN"),
    "LYP": ("LYS", None),
    "CYM": ("CYS", "CYX"),
    "CYX": ("CYS", None),
    "CYN": ("CYS", None),
}
OTHER_NAMES = {"NMA": "NME", "NAC": "NME", "CT3": "NME", "NHE": "NH2", "CT2": "NH2"}
# Names of four characters, of GROMOS, OPLS and CYANA -> those of three.
FOUR_CHARACTERS = {
    "CYS1": "CYX", "CYS2": "CYX", "CYSS": "CYX", "CYSH": "CYS",
    "HISA": "HID", "HISD": "HID", "HIS1": "HID", "HISB": "HIE", "HISE": "HIE", "HIST": "HIE",
    "HISH": "HIP", "HISP": "HIP", "HIS+": "HIP",
    "LYSH": "LYS", "LYSP": "LYS", "LYS+": "LYS", "LYSN": "LYN",
    "ASPH": "ASH", "ASPP": "ASH", "ASP-": "ASP", "GLUH": "GLH", "GLUP": "GLH", "GLU-": "GLU", "ARG+": "ARG",
}  # fmt: skip
UNCOMPUTED = {"ARGN": "a neutral arginine"}  # of four characters, without a template in the force field
WATERS = frozenset({"SOL", "TIP", "TIP3", "TIP4", "TIP5", "TP3", "T4P", "SPC", "SPCE"})


def three_characters(name: str) -> str | None:
    """The name of three characters for one of four: LYS for LYSH, GLY for NGLY; None if it is unknown."""
    if name in FOUR_CHARACTERS:
        return FOUR_CHARACTERS[name]
    inner = name[1:]
    is_end = len(name) == 4 and name[0] in "NC" and (inner in AMINO_ACIDS or inner in PROTONATIONS)
    return inner if is_end else None


def is_known(name: str) -> bool:
    """Whether a name is that of an amino acid or a cap, in any of the ways that programs have."""
    return name in AMINO_ACIDS or name in PROTONATIONS or name in CAPS or name in OTHER_NAMES


def element_of(name: str) -> str:
    """The element of an amino acid's atom by its name; empty where it begins with none."""
    first = name.strip().lstrip("0123456789*'\"")[:1].upper()
    return first if first in ELEMENTS else ""


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
    return known or all(residue.find_atom(name, "*") for name in PEPTIDE_ATOMS)


def join_bonded(chain: "gemmi.Chain") -> None:
    """Make amino acids after a TER part of the chain if they are bonded to it, or to one another.

    Gemmi takes all of them for free ones. Such a pair of HETATM records may be a ligand.
    """
    import gemmi

    free, part = gemmi.EntityType.NonPolymer, gemmi.EntityType.Polymer
    for before, after in pairwise(chain):
        if free not in (before.entity_type, after.entity_type):
            continue
        is_ligand = before.entity_type == free and "H" in (before.het_flag, after.het_flag)
        length = peptide_length(before, after)
        if length is not None and length < LONGEST_PEPTIDE_BOND and not is_ligand:
            before.entity_type = after.entity_type = part


def peptide_length(before: "gemmi.Residue", after: "gemmi.Residue") -> float | None:
    """From C of a residue to N of another one, in A; None where one of them is not there."""
    carbon, nitrogen = atom_of(before, "C"), atom_of(after, "N")
    return None if carbon is None or nitrogen is None else float(carbon.pos.dist(nitrogen.pos))


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
