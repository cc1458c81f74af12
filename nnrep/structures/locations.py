"""One conformer of what a file has in alternate locations: the same for all that is connected."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import gemmi

from nnrep.host.terminal import log
from nnrep.structures.residues import AMINO_ACIDS, BACKBONE, LONGEST_DISULPHIDE, drop_atoms, label, some

BLANK, FIRST = "\0", "A"
SAME_PLACE = 0.0005  # A, less than files tell
DIGITS = 6  # by which occupancies differ


@dataclass(eq=False)
class Place:
    """A place of a chain: one residue, or several that share it.

    Attributes:
        chain: where it is.
        residues: of the place; all but one are mutants of the first.
    """

    chain: gemmi.Chain
    residues: list[gemmi.Residue]

    def labels(self) -> list[str]:
        """Of its conformers, in the order of the file; that of a residue without any is blank."""
        labels: dict[str, None] = {}
        for residue in self.residues:
            own = dict.fromkeys(atom.altloc for atom in residue if atom.has_altloc())
            labels |= own or dict.fromkeys([BLANK] if len(self.residues) > 1 else [])
        return list(labels)

    def residue_of(self, conformer: str) -> gemmi.Residue:
        """The residue that has a conformer."""
        return next(r for r in self.residues if any(atom.altloc == conformer for atom in r))

    def occupancy(self, conformer: str) -> float:
        """Mean occupancy of a conformer's atoms that have alternatives; 0 of one that is not here."""
        if conformer not in self.labels():
            return 0.0
        residue = self.residue_of(conformer)
        names = dict.fromkeys(atom.name for atom in residue if atom.has_altloc()) or {
            a.name: None for a in residue
        }
        values = [_occupancies(residue, name) for name in names]
        return sum(each.get(conformer, each.get(BLANK, 0.0)) for each in values) / len(values)


def resolve_locations(chains: Sequence[gemmi.Chain], where: str) -> None:
    """Leave one residue in every place of the chains, and one position of each of its atoms.

    Residues in alternate locations are connected if they are neighbours in the chain, or if their sulphurs
    are; all of them take the conformer of the highest total occupancy, of equals the first.

    Args:
        chains: of one model; changed in place.
        where: the file, for the log, which says which conformers these are.
    """
    places = [_places(chain) for chain in chains]
    report: dict[str, list[str]] = defaultdict(list)
    repeated: list[str] = []
    chosen: dict[Place, str] = {}
    for group in _connected(places):
        chosen |= _conformers(group)
    for chain, its in zip(chains, places, strict=True):
        kept = []
        for place in its:
            residue = place.residues[0]
            if place in chosen:
                conformer = chosen[place]
                residue = place.residue_of(conformer)
                if len(place.labels()) > 1:
                    report[conformer].append(label(residue, chain))
                _keep_one_location(residue, conformer)
            repeated += [label(residue, chain)] if _drop_repeats(residue) else []
            kept.append(residue.clone())
        _replace(chain, kept)
    for conformer, residues in report.items():
        name = "the one without a label" if conformer == BLANK else conformer
        log().info("%s: of alternate locations, %s is taken of %s", where, name, some(residues))
    if repeated:
        log().info("%s: atoms of %s are there twice in the same place, and read once", where, some(repeated))


def _places(chain: gemmi.Chain) -> list[Place]:
    """Residues by their number, in the order of the file; those of one number need not be neighbours."""
    by_number: dict[str, list[gemmi.Residue]] = {}
    for residue in chain:
        by_number.setdefault(str(residue.seqid), []).append(residue)
    for residues in by_number.values():
        _label_blanks(residues)
    return [Place(chain, residues) for residues in by_number.values()]


def _label_blanks(residues: list[gemmi.Residue]) -> None:
    """Atoms without a label beside others in their place are of the first conformer."""
    for residue in residues:
        others = [atom for other in residues if other is not residue for atom in other]
        blank_here = [atom for atom in residue if not atom.has_altloc()]
        labelled = {atom.name for atom in residue if atom.has_altloc()}
        taken = {atom.name for atom in residue if atom.altloc == FIRST}
        is_mutant = len(residues) > 1 and not labelled and all(atom.altloc != FIRST for atom in others)
        for atom in blank_here:
            if is_mutant or atom.name in labelled - taken:
                atom.altloc = FIRST


def _replace(chain: gemmi.Chain, residues: list[gemmi.Residue]) -> None:
    for index in reversed(range(len(chain))):
        del chain[index]
    for residue in residues:
        chain.add_residue(residue)


def _connected(chains: Sequence[list[Place]]) -> list[list[Place]]:
    """Places with alternate locations, in groups of those that are connected."""
    group_of = {id(place): [place] for places in chains for place in places if place.labels()}

    def join(one: Place, other: Place) -> None:
        mine, others = group_of.get(id(one)), group_of.get(id(other))
        if mine is not None and others is not None and mine is not others:
            mine += others
            for place in others:
                group_of[id(place)] = mine

    for places in chains:
        for one, other in pairwise(places):
            join(one, other)
    for one, other in combinations([place for places in chains for place in places if _sulphurs(place)], 2):
        near = any(a.pos.dist(b.pos) < LONGEST_DISULPHIDE for a in _sulphurs(one) for b in _sulphurs(other))
        if near:
            join(one, other)
    return list({id(group): group for group in group_of.values()}.values())


def _sulphurs(place: Place) -> list[gemmi.Atom]:
    return [atom for residue in place.residues for atom in residue if atom.name == "SG"]


def _conformers(group: list[Place]) -> dict[Place, str]:
    """The conformer of every place of a group."""
    labels = dict.fromkeys(name for place in group for name in place.labels())
    shared = max(labels, key=lambda name: round(sum(place.occupancy(name) for place in group), DIGITS))
    return {
        place: shared
        if shared in place.labels()
        else max(place.labels(), key=lambda name: round(place.occupancy(name), DIGITS))
        for place in group
    }


def _keep_one_location(residue: gemmi.Residue, conformer: str) -> None:
    """Atoms of one conformer and those that all share; of others only what nothing else can stand for.

    Heavy atoms of side chains that the conformer lacks are added, which would not fit those of another.
    """
    is_mendable = residue.name in AMINO_ACIDS
    locations = {name: _occupancies(residue, name) for name in dict.fromkeys(atom.name for atom in residue)}

    def is_unwanted(atom: gemmi.Atom) -> bool:
        here = locations[atom.name]
        if conformer in here:
            return atom.altloc != conformer
        if BLANK in here:
            return atom.has_altloc()
        if atom.is_hydrogen() or (is_mendable and atom.name not in BACKBONE):
            return True
        return atom.altloc != max(here, key=lambda name: here[name])

    drop_atoms(residue, is_unwanted)
    for atom in residue:
        atom.altloc = BLANK


def _drop_repeats(residue: gemmi.Residue) -> bool:
    """Remove atoms that are written twice: of one name, in one place. Whether there were any."""
    count = len(residue)
    if len({atom.name for atom in residue}) == count:
        return False
    for index in reversed(range(count)):
        atom = residue[index]
        twins = [other for other in list(residue)[:index] if other.name == atom.name]
        if any(other.pos.dist(atom.pos) < SAME_PLACE for other in twins):
            del residue[index]
    return len(residue) < count


def _occupancies(residue: gemmi.Residue, name: str) -> dict[str, float]:
    """Location -> occupancy of an atom."""
    return {atom.altloc: atom.occ for atom in residue if atom.name == name}
