"""From the bytes of a structure file to what is in it."""

import codecs
import gzip
import zlib
from typing import TYPE_CHECKING

from nnrep.errors import UserError
from nnrep.structures.mmcif import is_mmcif, read_mmcif
from nnrep.structures.pdb_lines import mended_pdb
from nnrep.structures.residues import join_bonded, three_characters

if TYPE_CHECKING:
    import gemmi

GZIP = b"\x1f\x8b"


def unpacked(data: bytes, where: str) -> bytes:
    """The content of a file, decompressed if it is a gzip file.

    Args:
        data: what the file holds.
        where: the file, for errors.

    Raises:
        UserError: a damaged gzip file, or nothing in it.
    """
    if data.startswith(GZIP) or (data and where.lower().endswith(".gz")):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{where}: a damaged gzip file ({error}); get the file again") from error
    if not data.strip():
        raise UserError(f"{where}: is empty")
    return data


def parse(data: bytes, where: str) -> "gemmi.Structure":
    """All models of a PDB or mmCIF file, waters, ligands and alternate locations included.

    Args:
        data: the text; mmCIF if it has data blocks or columns of atoms, else PDB.
        where: the file, for errors.

    Raises:
        UserError: damaged, cut off, or without atoms.
    """
    text = decoded(data)
    try:
        structure = read_mmcif(text, where) if is_mmcif(text) else _read_pdb(text, where)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: damaged or cut off: {reason}; get the file again") from error
    structure.merge_chain_parts()
    structure.remove_empty_chains()
    if not any(model.count_atom_sites() for model in structure):
        raise UserError(f"{where}: no atoms in it; is it a PDB or mmCIF file?")
    for residue in (residue for model in structure for chain in model for residue in chain):
        residue.name = three_characters(residue.name) or residue.name
    structure.setup_entities()
    for chain in (chain for model in structure for chain in model):
        join_bonded(chain)
    return structure


def decoded(data: bytes) -> str:
    """The text of a file, without the mark of its byte order."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _read_pdb(text: str, where: str) -> "gemmi.Structure":
    import gemmi  # a structure that is stored is found without it

    return gemmi.read_pdb_string(mended_pdb(text, where))
