"""The lines of a PDB file as the format has them today, whichever program or year they are from."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from nnrep.errors import ConfigError, UserError
from nnrep.structures.numbering import Site, own_codes
from nnrep.structures.residues import ELEMENTS, UNCOMPUTED, WATERS, element_of, is_known, three_characters

ATOMS = ("ATOM  ", "HETATM")
# Records of an atom beside its position, which would have to be mended with it, and are not used.
UNUSED = ("ANISOU", "SIGATM", "SIGUIJ")
COORDINATES = (slice(30, 38), slice(38, 46), slice(46, 54))  # of an atom's line
CHARGE = re.compile(r"[0-9][+-]|[+-][0-9]")


def mended_pdb(text: str, where: str) -> str:
    """A PDB file's text whose atoms have their elements, residues names of three characters and own numbers.

    Args:
        text: of the file.
        where: the file, for errors.

    Raises:
        UserError: coordinates that cannot be read, a residue that cannot be computed, two chains of one
            letter, or atoms that belong to no model.
    """
    lines = ["" if line.startswith(UNUSED) else line for line in text.splitlines()]
    atoms = [number for number, line in enumerate(lines) if line.startswith(ATOMS)]
    for number in atoms:
        _check_coordinates(lines[number], number + 1, where)
        lines[number] = _legible(lines[number])
    shared = _shared_by_names([lines[number] for number in atoms])
    for number in atoms:
        lines[number] = _with_element(_three_characters(lines[number], shared, where))
    lines = _without_ends(lines, where)
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
    first = element_of(line[12:16])
    return f"{line[:76]:76}{first:>2}{line[78:80]}" if first else line


def _without_ends(lines: list[str], where: str) -> list[str]:
    """The lines without END before further atoms, at which readers stop.

    Files that were joined hold further chains after it. Some programs write it after each frame: such frames
    become models.
    """
    if any(line.startswith("MODEL") for line in lines):
        _check_models(lines, where)
        return [line for line in lines if not _is_end(line)]
    parts: list[list[str]] = [[]]
    for line in lines:
        if _is_end(line):
            parts.append([])
        else:
            parts[-1].append(line)
    sites = [[_site(line) for line in part if line.startswith(ATOMS)] for part in parts]
    places = [{site.place for site in own} for own in sites]
    if not any(one & other for one, other in combinations(places, 2)):
        return [line for part in parts for line in part]
    frames = [part for part, own in zip(parts, sites, strict=True) if own]
    if all(own == sites[0] for own in sites if own):
        numbered = enumerate(frames, start=1)
        return [line for number, part in numbered for line in (f"MODEL     {number:4}", *part, "ENDMDL")]
    reason = f"atoms after END in line {len(parts[0]) + 1} are of residues that are there before it"
    raise ConfigError("system.pdb", f"{where}: {reason}; give chains letters of their own")


def _is_end(line: str) -> bool:
    return line[:6].strip() == "END"


def _check_models(lines: list[str], where: str) -> None:
    is_inside = False
    for number, line in enumerate(lines, start=1):
        if line.startswith(("MODEL", "ENDMDL")):
            is_inside = line.startswith("MODEL")
        elif line.startswith(ATOMS) and not is_inside:
            reason = f"the atom in line {number} is in no MODEL, where others are"
            raise ConfigError("system.pdb", f"{where}: {reason}; move it into one, or remove these lines")


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
