"""Residues and atoms by the names of OpenMM, whichever program named them."""

import io
from typing import NamedTuple

import gemmi
from openmm import app, unit

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.residues import OTHER_NAMES, PROTONATIONS
from nnrep.structures.write import pdb_text

LOWEST_NUMBER, HIGHEST_NUMBER = -999, 9999  # of a residue in a PDB file


class Named(NamedTuple):
    """A chain by the names of OpenMM.

    Attributes:
        structure: one model, one chain; positions in A.
        variants: for each residue the protonation that its name stood for (HIE, ASH), None for the usual.
    """

    structure: gemmi.Structure
    variants: list[str | None]


def standard_names(structure: gemmi.Structure, where: str) -> Named:
    """Rename residues and atoms as OpenMM does: HSE is HIS, OT2 is OXT, 1HB is HB2.

    Args:
        structure: one model, one chain; every atom once, all positions finite.
        where: the file, for errors.

    Raises:
        ConfigError: OpenMM does not see the same residues.
    """
    structure = structure.clone()
    chain = structure[0][0]
    variants = [PROTONATIONS.get(residue.name, ("", None))[1] for residue in chain]
    for residue in chain:
        residue.name = PROTONATIONS.get(residue.name, (OTHER_NAMES.get(residue.name, residue.name),))[0]
    _fit_columns(structure, where)
    read = app.PDBFile(io.StringIO(as_pdb(structure)))
    text = pdb_text(read.topology, read.getPositions(asNumpy=True).value_in_unit(unit.nanometer), where)
    renamed = gemmi.read_pdb_string(text)
    renamed.setup_entities()
    if len(renamed[0]) != 1 or len(renamed[0][0]) != len(chain):
        raise ConfigError("system.pdb", f"{where}: residues out of order, or numbered twice; mend the file")
    renamed.connections = structure.connections
    return Named(renamed, variants)


def as_pdb(structure: gemmi.Structure) -> str:
    """The atoms of a structure, and its disulphide bonds if they are in its table of bonds."""
    options = gemmi.PdbWriteOptions(minimal=True, cryst1_record=False, conect_records=True, end_record=True)
    options.numbered_ter = False
    return structure.make_pdb_string(options)


def _fit_columns(structure: gemmi.Structure, where: str) -> None:
    """Names of chains and numbers of residues that a PDB file cannot hold are replaced."""
    chain = structure[0][0]
    if len(chain.name) > 1:
        chain.name = "A"
    if all(_fits(residue.seqid.num) for residue in chain):
        return
    log().info("%s: residues are numbered from 1, as their numbers do not fit a PDB file", where)
    structure.connections.clear()  # they go by the numbers of the file
    for number, residue in enumerate(chain, start=1):
        residue.seqid = gemmi.SeqId(number, " ")


def _fits(number: int | None) -> bool:
    return number is not None and LOWEST_NUMBER <= number <= HIGHEST_NUMBER
