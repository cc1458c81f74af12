"""Residues that share a number, though they are different ones: read apart, by insertion codes."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from string import ascii_uppercase, digits
from typing import NamedTuple

from nnrep.errors import ConfigError, UserError
from nnrep.host.terminal import log
from nnrep.structures.residues import PEPTIDE_ATOMS, is_known

TRACE = frozenset(PEPTIDE_ATOMS)


class Site(NamedTuple):
    """An atom of a file, by its names; blank where it has none.

    Attributes:
        chain: its letter.
        number: of its residue.
        code: insertion code of its residue.
        residue: its residue's name.
        atom: its name.
        location: the label of its alternate location.
        sequence: its residue's place in the sequence, which mmCIF files have beside the number.
    """

    chain: str
    number: str
    code: str
    residue: str
    atom: str
    location: str
    sequence: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What tells a residue from others."""
        return self.chain, self.number, self.code

    def __str__(self) -> str:
        """The residue for people."""
        return " ".join(filter(None, (self.residue, self.chain, self.number + self.code)))


class Group(NamedTuple):
    """Atoms in a row of one residue: the first of them, and the indices of all."""

    first: Site
    indices: list[int]


def own_codes(sites: Sequence[Site], where: str, *, report: bool = True) -> dict[int, str]:
    """Insertion codes for residues that share their number with the one before them.

    Residues of two names in one place are alternatives only where their alternate locations say so.

    Args:
        sites: all atoms of a model, in the order of the file.
        where: the file, for errors.
        report: whether the log says which residues these are.

    Returns:
        Index of an atom -> its new code; empty where every residue has its own number.

    Raises:
        UserError: residues far from each other share a letter and a number, which must be of two chains.
    """
    groups = [group for run in _runs(sites) for group in _divided(run, sites)]
    used = {site.place for site in sites}
    seen: dict[tuple[str, str, str], list[Group]] = {}
    before: dict[str, Group] = {}  # the last residue of each chain
    codes: dict[int, str] = {}
    for group in groups:
        first = group.first
        if not _is_protein(group, sites):
            continue
        earlier = seen.setdefault(first.place, [])
        if all(_is_same_place(group, other, sites) for other in earlier):
            earlier.append(group)
        elif before[first.chain].first.place == first.place:
            code = _free_code(first, used, where)
            used.add((first.chain, first.number, code))
            codes |= dict.fromkeys(group.indices, code)
            if report:
                other = before[first.chain].first
                log().info(
                    "%s: %s and %s share a number; the second is %s%s",
                    where,
                    other,
                    first,
                    first.number,
                    code,
                )
        else:
            last = before[first.chain].first
            letter = f"the letter {first.chain}" if first.chain else "no letter"
            reason = f"two chains have {letter}, as {first} comes again after {last}"
            raise ConfigError("system.pdb", f"{where}: {reason}; give them letters of their own")
        before[first.chain] = group
    return codes


def _runs(sites: Sequence[Site]) -> Iterable[Group]:
    """Atoms in a row that have the same residue."""
    group: Group | None = None
    for index, site in enumerate(sites):
        if group is None or _residue(site) != _residue(group.first):
            if group is not None:
                yield group
            group = Group(site, [])
        group.indices.append(index)
    if group is not None:
        yield group


def _residue(site: Site) -> tuple[str, ...]:
    return (*site.place, site.residue, site.sequence)


def _divided(run: Group, sites: Sequence[Site]) -> list[Group]:
    """A run of one name and number, which is several residues if it has several whole backbones."""
    backbones = list(zip(*(_indices(run, name, sites) for name in sorted(TRACE)), strict=False))
    is_in_turn = all(max(one) < min(other) for one, other in pairwise(backbones))
    if len(backbones) < 2 or not is_in_turn:
        return [run]
    groups: list[Group] = []
    names: set[str] = set()
    for index in run.indices:
        site = sites[index]
        if not groups or (site.atom in TRACE and site.atom in names):
            groups.append(Group(site, []))
            names = set()
        names.add(site.atom)
        groups[-1].indices.append(index)
    return groups


def _indices(run: Group, name: str, sites: Sequence[Site]) -> list[int]:
    return [index for index in run.indices if sites[index].atom == name and not sites[index].location]


def _is_protein(group: Group, sites: Sequence[Site]) -> bool:
    first = group.first
    return is_known(first.residue) or {sites[index].atom for index in group.indices} >= TRACE


def _is_same_place(group: Group, other: Group, sites: Sequence[Site]) -> bool:
    """Whether two groups are one residue, or alternatives in one place."""
    if _is_alternative(group, sites) or _is_alternative(other, sites):
        return True
    if _residue(group.first) != _residue(other.first):
        return False
    atoms, others = ({sites[index].atom for index in each.indices} for each in (group, other))
    return not (TRACE & atoms & others)  # what is further on in the file: hydrogens


def _is_alternative(group: Group, sites: Sequence[Site]) -> bool:
    """Whether a group is in an alternate location, its backbone included if it has one."""
    located = [sites[index].location for index in group.indices]
    trace = [sites[index].location for index in group.indices if sites[index].atom in TRACE]
    return any(located) and all(trace)


def _free_code(site: Site, used: set[tuple[str, str, str]], where: str) -> str:
    for code in ascii_uppercase + digits:
        if (site.chain, site.number, code) not in used:
            return code
    raise UserError(f"{where}: more residues share the number of {site} than can be told apart; number them")
