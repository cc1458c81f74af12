"""From the text of an mmCIF file to what is in it, also where it lacks columns that can be spared."""

import re
from typing import TYPE_CHECKING

from nnrep.errors import UserError
from nnrep.structures.numbering import Site, own_codes
from nnrep.structures.residues import ELEMENTS, element_of, is_known

if TYPE_CHECKING:
    import gemmi

CATEGORY = "_atom_site."
# What must be there, by either of two names.
NEEDED = (
    ("Cartn_x", "Cartn_x"),
    ("Cartn_y", "Cartn_y"),
    ("Cartn_z", "Cartn_z"),
    ("label_atom_id", "auth_atom_id"),
    ("label_comp_id", "auth_comp_id"),
    ("auth_seq_id", "label_seq_id"),
)
# What other columns, or a value, can stand for.
SPARED = {
    "label_alt_id": ".",
    "occupancy": "1.0",
    "B_iso_or_equiv": "0.0",
    "pdbx_PDB_ins_code": "?",
    "label_atom_id": "auth_atom_id",
    "label_comp_id": "auth_comp_id",
    "label_asym_id": "auth_asym_id",
    "auth_asym_id": "label_asym_id",
    "auth_seq_id": "label_seq_id",
}
BLOCK = re.compile(r"^\s*data_", re.I | re.M)


def is_mmcif(text: str) -> bool:
    """Whether a text is that of an mmCIF file, be it one that lacks its first line."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "").lower()
    return first.startswith(("data_", "loop_", "_"))


def read_mmcif(text: str, where: str) -> "gemmi.Structure":
    """All models of an mmCIF file.

    Args:
        text: of the file.
        where: the file, for errors.

    Raises:
        UserError: no data block, or a column that is needed is not there.
        ValueError, RuntimeError: gemmi's, of what it cannot read.
    """
    import gemmi  # a structure that is stored is found without it

    if not BLOCK.search(text):
        raise UserError(f"{where}: no data_ block in it; an mmCIF file begins with a line such as data_1ABC")
    for block in gemmi.cif.read_string(text):
        if len(block.find_mmcif_category(CATEGORY)) > 0:
            _complete(block, where)
            _separate(block, where)
            return gemmi.make_structure_from_block(block)
    return gemmi.Structure()


def _complete(block: "gemmi.cif.Block", where: str) -> None:
    """Add the columns that the format wants and the structure does not."""
    tags = {tag.removeprefix(CATEGORY) for tag in block.find_mmcif_category(CATEGORY).tags}
    for names in NEEDED:
        if not tags & set(names):
            raise UserError(f"{where}: no column {CATEGORY}{' or '.join(dict.fromkeys(names))} in it")
    length = len(block.find_mmcif_category(CATEGORY))
    if not tags & {"label_asym_id", "auth_asym_id"}:
        _add(block, "label_asym_id", ["A"] * length)
        tags.add("label_asym_id")
    for name, other in SPARED.items():
        if name not in tags:
            _add(block, name, list(block.find_loop(CATEGORY + other)) if other in tags else [other] * length)
    if "id" not in tags:
        _add(block, "id", [str(number) for number in range(1, length + 1)])
    if "type_symbol" not in tags:
        _add(block, "type_symbol", ["?"] * length)
    _mend_elements(block)


def _add(block: "gemmi.cif.Block", name: str, values: list[str]) -> None:
    loop = block.find_mmcif_category(CATEGORY).loop
    loop.add_columns([CATEGORY + name], "?")
    for row, value in enumerate(values):
        loop[row, loop.width() - 1] = value


def _mend_elements(block: "gemmi.cif.Block") -> None:
    """Give atoms of amino acids the element that their name has, where they have none that fits."""
    import gemmi

    for row in block.find(CATEGORY, ["type_symbol", "label_comp_id", "label_atom_id"]):
        element, residue, name = map(gemmi.cif.as_string, row)
        if element.upper() not in ELEMENTS and is_known(residue):
            row[0] = element_of(name) or row[0]


def _separate(block: "gemmi.cif.Block", where: str) -> None:
    """Give residues that share their number insertion codes of their own."""
    import gemmi

    names = ("auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_comp_id", "label_atom_id")
    more = ("label_alt_id", "?label_seq_id", "?pdbx_PDB_model_num")
    table = block.find(CATEGORY, [*names, *more])
    models: dict[str, list[int]] = {}
    sites = []
    for index, row in enumerate(table):
        values = [gemmi.cif.as_string(row[place]) if row.has(place) else "" for place in range(8)]
        sites.append(Site(*values[:7]))
        models.setdefault(values[7], []).append(index)
    for number, indices in enumerate(models.values()):
        codes = own_codes([sites[index] for index in indices], where, report=number == 0)
        for place, code in codes.items():
            table[indices[place]][2] = code
