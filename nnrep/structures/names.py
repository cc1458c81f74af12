"""Residues and atoms by the names of OpenMM, whichever program named them."""

from collections.abc import Iterator
from string import ascii_letters, digits
from typing import NamedTuple

import gemmi

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.caps import separate_caps
from nnrep.structures.openmm_names import atom_names, residue_names
from nnrep.structures.residues import AMINO_ACIDS, CAPS, OTHER_NAMES, PROTONATIONS

LOWEST_NUMBER, HIGHEST_NUMBER = -999, 9999  # of a residue in a PDB file


class Named(NamedTuple):
    """Chains by the names of OpenMM.

    Attributes:
        structure: one model; positions in A.
        forms: for each residue of all chains the form that its name stood for (HIE, ASH, CYM), None for the
            usual one.
    """

    structure: gemmi.Structure
    forms: list[str | None]

    def residues(self) -> Iterator[tuple[gemmi.Residue, gemmi.Chain]]:
        """All residues, each with its chain."""
        return ((residue, chain) for chain in self.structure[0] for residue in chain)


def standard_names(structure: gemmi.Structure, where: str) -> Named:
    """Rename residues and atoms as OpenMM does: HSE is HIS, OT2 is OXT, 1HB is HB2.

    Caps that are patches of a residue become residues.

    Args:
        structure: one model; every heavy atom once, all positions finite.
        where: the file, for errors.

    Raises:
        ConfigError: more chains than a PDB file has letters for.
    """
    structure = structure.clone()
    forms: list[str | None] = []
    for chain in structure[0]:
        separate_caps(chain)
        for residue in chain:
            name, form = PROTONATIONS.get(residue.name, (OTHER_NAMES.get(residue.name, residue.name), None))
            forms.append(residue.name if residue.name in ("CYM", "CYX") else form)
            standard = residue_names().get(name, name)  # which knows D-amino acids as nucleotides: DC is DCY
            residue.name = standard if standard in AMINO_ACIDS.keys() | CAPS else name
            known = atom_names(residue.name)
            residue.entity_type, residue.het_flag = gemmi.EntityType.Polymer, "A"  # no end within the chain
            for atom in residue:
                atom.name = known.get(atom.name, atom.name)
    _fit_columns(structure, where)
    return Named(structure, forms)


def as_pdb(structure: gemmi.Structure) -> str:
    """The atoms of a structure, and its disulphide bonds if they are in its table of bonds."""
    options = gemmi.PdbWriteOptions(minimal=True, cryst1_record=False, conect_records=True, end_record=True)
    options.numbered_ter = False
    return structure.make_pdb_string(options)


def _fit_columns(structure: gemmi.Structure, where: str) -> None:
    """Names of chains and numbers of residues that a PDB file cannot hold are replaced."""
    chains = list(structure[0])
    free = [letter for letter in ascii_letters + digits if letter not in {chain.name for chain in chains}]
    new_names = {chain.name: free.pop(0) for chain in chains if len(chain.name) > 1 and free}
    if any(len(chain.name) > 1 and chain.name not in new_names for chain in chains):
        reason = f"{where} has more chains than a PDB file has letters for; choose fewer"
        raise ConfigError("system.chain", reason)
    for chain in chains:
        if chain.name in new_names:
            _rename_chain(structure, chain, new_names[chain.name])
        if not all(_fits(residue.seqid.num) for residue in chain):
            _number(structure, chain, where)


def _rename_chain(structure: gemmi.Structure, chain: gemmi.Chain, name: str) -> None:
    for bond in structure.connections:
        for partner in (bond.partner1, bond.partner2):
            partner.chain_name = name if partner.chain_name == chain.name else partner.chain_name
    chain.name = name


def _number(structure: gemmi.Structure, chain: gemmi.Chain, where: str) -> None:
    log().info("%s: residues are numbered from 1, as their numbers do not fit a PDB file", where)
    structure.connections.clear()  # they go by the numbers of the file
    for number, residue in enumerate(chain, start=1):
        residue.seqid = gemmi.SeqId(number, " ")


def _fits(number: int | None) -> bool:
    return number is not None and LOWEST_NUMBER <= number <= HIGHEST_NUMBER
