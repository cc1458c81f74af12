"""The lines of a PDB file as the format has them today, whichever program or year they are from."""

import re
from collections import defaultdict
from collections.abc import Sequence

from nnrep.errors import UserError
from nnrep.structures.numbering import Site, own_codes
from nnrep.structures.residues import UNCOMPUTED, WATERS, is_known, three_characters

ATOMS = ("ATOM  ", "HETATM")
# Records of an atom beside its position, which would have to be mended with it, and are not used.
UNUSED = ("ANISOU", "SIGATM", "SIGUIJ")
COORDINATES = (slice(30, 38), slice(38, 46), slice(46, 54))  # of an atom's line
ELEMENTS = frozenset({"H", "D", "C", "N", "O", "S"})  # of amino acids
CHARGE = re.compile(r"[0-9][+-]|[+-][0-9]")


def mended_pdb(text: str, where: str) -> str:
    """A PDB file's text whose atoms have their elements, residues names of three characters and own numbers.

    Args:
        text: of the file.
        where: the file, for errors.

    Raises:
        UserError: coordinates that cannot be read, a residue that cannot be computed, or two chains of one
            letter.
    """
    lines = [line for line in text.splitlines() if not line.startswith(UNUSED)]
    atoms = [number for number, line in enumerate(lines) if line.startswith(ATOMS)]
    for number in atoms:
        _check_coordinates(lines[number], number + 1, where)
        lines[number] = _legible(lines[number])
    shared = _shared_by_names([lines[number] for number in atoms])
    for number in atoms:
        lines[number] = _with_element(_three_characters(lines[number], shared, where))
    _separate(lines, where)
    return "\n".join(lines) + "\n"


def _check_coordinates(line: str, number: int, where: str) -> None:
    """Gemmi takes what it cannot read as zero."""
    try:
        for columns in COORDINATES:
            float(line[columns])
    except ValueError as error:
        message = f"{where}: damaged or cut off in line {number}: coordinates cannot be read"
        raise UserError(f"{message} ({line[:54].rstrip()}); get the file again") from error


def _legible(line: str) -> str:
    """The line up to its element and charge, without them where they are none, as before 1996.

    Segments, in columns 73 to 76, would divide a residue in which they differ.
    """
    element, charge = line[76:78].strip(), line[78:80].strip()
    is_element = not element or element.isalpha()
    is_charge = not charge or CHARGE.fullmatch(charge) is not None
    return f"{line[:72]:76}{line[76:80]}" if is_element and is_charge else line[:72]


def _shared_by_names(lines: Sequence[str]) -> frozenset[str]:
    """Characters of column 21 that end names, as in LYSH; one that follows other names begins a chain's."""
    names = defaultdict(set)
    for line in lines:
        if line[20:21].strip():
            names[line[20]].add(line[17:21])
    known = {end for end, all_names in names.items() if all(map(_is_four_characters, all_names))}
    return frozenset(known)


def _is_four_characters(name: str) -> bool:
    return three_characters(name) is not None or name in WATERS or name in UNCOMPUTED


def _three_characters(line: str, shared: frozenset[str], where: str) -> str:
    name = line[17:21]
    if line[20:21] not in shared:
        return line
    if name in UNCOMPUTED:
        place = " ".join([name, line[21:22].strip(), line[22:27].strip()]).replace("  ", " ")
        raise UserError(
            f"{where}: the force field has no template for {place} ({UNCOMPUTED[name]}); replace it"
        )
    return f"{line[:17]}{three_characters(name) or name[:3]} {line[21:]}"


def _with_element(line: str) -> str:
    """The line with the element that an amino acid's atom has by its name, where it has none that fits."""
    element = line[76:78].strip().upper()
    if element in ELEMENTS or not is_known(line[17:20].strip()):
        return line
    first = line[12:16].strip().lstrip("0123456789*'\"")[:1].upper()
    if first not in ELEMENTS:
        return line
    return f"{line[:76]:76}{first:>2}{line[78:80]}"


def _separate(lines: list[str], where: str) -> None:
    """Give residues that share their number insertion codes of their own."""
    model: list[int] = []
    is_first = True
    for number, line in enumerate([*lines, "ENDMDL"]):
        if line.startswith(ATOMS):
            model.append(number)
        elif line.startswith("ENDMDL"):
            sites = [_site(lines[index]) for index in model]
            for place, code in own_codes(sites, where, report=is_first).items():
                old = lines[model[place]]
                lines[model[place]] = f"{old[:26]}{code}{old[27:]}"
            model, is_first = [], False


def _site(line: str) -> Site:
    return Site(
        chain=line[20:22].strip(),
        number=line[22:26].strip(),
        code=line[26:27].strip(),
        residue=line[17:20].strip(),
        atom=line[12:16].strip(),
        location=line[16:17].strip(),
    )
