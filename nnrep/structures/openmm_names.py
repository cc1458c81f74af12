"""What OpenMM's files say of residues: names of their atoms, bonds, hydrogens."""

import io
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from openmm import app

DATA = Path(app.__file__).parent / "data"
# Forms of an amino acid that are residues by name to us, as their atoms alone would not tell them in a file.
FORMS = {"LYN": "LYS", "CYM": "CYS"}


class Hydrogen(NamedTuple):
    """A hydrogen that a residue may have.

    Attributes:
        name: its own.
        parent: name of the atom that it is bonded to.
        termini: where in a chain: "N", "C" and "-" for neither; empty for everywhere.
    """

    name: str
    parent: str
    termini: str

    def may_be_at(self, is_first: bool, is_last: bool) -> bool:
        """Whether the residue at an end of a chain, or within, has it."""
        here = ("N" * is_first + "C" * is_last) or "-"
        return not self.termini or any(end in self.termini for end in here)


@cache
def atom_names(residue: str) -> dict[str, str]:
    """Any program's name of an atom of a residue of a protein -> OpenMM's name (`pdbNames.xml`)."""
    names: dict[str, str] = {}
    for part in ("All", "Protein", residue):
        names |= _names().get(part, {})
    return names


@cache
def residue_names() -> dict[str, str]:
    """Any program's name of a residue -> OpenMM's."""
    return {
        value: element.attrib["name"]
        for element in _root("pdbNames.xml").findall("Residue")
        for key, value in element.attrib.items()
        if key == "name" or key.startswith("alt")
    }


@cache
def bonds(residue: str) -> tuple[tuple[str, str], ...]:
    """The pairs of atoms that are bonded in a residue, by name (`residues.xml`)."""
    for element in _root("residues.xml").findall("Residue"):
        if element.attrib["name"] == residue:
            pairs = [(bond.attrib["from"], bond.attrib["to"]) for bond in element.findall("Bond")]
            return tuple(pair for pair in pairs if not any(name.startswith(("-", "+")) for name in pair))
    return ()


@cache
def hydrogens(residue: str) -> tuple[Hydrogen, ...]:
    """All hydrogens that a residue has in any of its protonations (`hydrogens.xml`)."""
    for element in _root("hydrogens.xml").findall("Residue"):
        if element.attrib["name"] == residue:
            return tuple(
                Hydrogen(each.attrib["name"], each.attrib["parent"], each.attrib.get("terminal", ""))
                for each in element.findall("H")
            )
    return ()


@cache
def know_forms() -> None:
    """Let OpenMM know the bonds of LYN and CYM, which are those of LYS and CYS, where it reads files."""
    root = ElementTree.Element("Residues")
    for form, residue in FORMS.items():
        element = _root("residues.xml").find(f"Residue[@name='{residue}']")
        assert element is not None
        bonded = ElementTree.SubElement(root, "Residue", name=form)
        bonded.extend(element.findall("Bond"))
    app.Topology.loadBondDefinitions(io.BytesIO(ElementTree.tostring(root)))


@cache
def _names() -> dict[str, dict[str, str]]:
    return {
        residue.attrib["name"]: {
            alternative: atom.attrib["name"]
            for atom in residue.findall("Atom")
            for alternative in atom.attrib.values()
        }
        for residue in _root("pdbNames.xml").findall("Residue")
    }


@cache
def _root(file: str) -> ElementTree.Element:
    return ElementTree.parse(DATA / file).getroot()
