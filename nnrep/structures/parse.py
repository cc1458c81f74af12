"""From the bytes of a structure file to what is in it."""

import gzip
import zlib
from typing import TYPE_CHECKING

from nnrep.errors import UserError

if TYPE_CHECKING:
    import gemmi

GZIP = b"\x1f\x8b"
COORDINATES = (slice(30, 38), slice(38, 46), slice(46, 54))  # of an atom's line in a PDB file


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
            raise UserError(f"{where}: a damaged gzip file ({error}); get the file anew") from error
    if not data.strip():
        raise UserError(f"{where}: is empty")
    return data


def parse(data: bytes, where: str) -> "gemmi.Structure":
    """All models of a PDB or mmCIF file, waters, ligands and alternate locations included.

    Args:
        data: the text; mmCIF if its first line is that of a data block, else PDB.
        where: the file, for errors.

    Raises:
        UserError: damaged, cut off, or without atoms.
    """
    text = data.decode("utf-8", errors="replace")
    try:
        structure = _read_mmcif(text) if _is_mmcif(text) else _read_pdb(text, where)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: damaged or cut off: {reason}; get the file anew") from error
    structure.merge_chain_parts()
    structure.remove_empty_chains()
    if not any(model.count_atom_sites() for model in structure):
        raise UserError(f"{where}: no atoms in it; is it a PDB or mmCIF file?")
    structure.setup_entities()
    return structure


def _is_mmcif(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.lower().startswith("data_")


def _read_mmcif(text: str) -> "gemmi.Structure":
    import gemmi  # a structure that is stored is found without it

    blocks = [block for block in gemmi.cif.read_string(text) if block.find_values("_atom_site.id")]
    return gemmi.make_structure_from_block(blocks[0]) if blocks else gemmi.Structure()


def _read_pdb(text: str, where: str) -> "gemmi.Structure":
    import gemmi

    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("ATOM  ", "HETATM")):
            _check_atom_line(line, number, where)
    return gemmi.read_pdb_string(text)


def _check_atom_line(line: str, number: int, where: str) -> None:
    """Gemmi takes what it cannot read as zero."""
    try:
        for columns in COORDINATES:
            float(line[columns])
    except ValueError as error:
        message = f"{where}: damaged or cut off in line {number}: coordinates cannot be read"
        raise UserError(f"{message} ({line[:54].rstrip()}); get the file anew") from error
