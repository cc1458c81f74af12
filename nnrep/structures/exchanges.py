"""Heavy atoms of a chain that are alike: with two of them exchanged, a molecule is the same one."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from openmm import app

Pairs = tuple[tuple[str, str], ...]

RING: Pairs = (("CD1", "CD2"), ("CE1", "CE2"))
ALIKE: dict[str, Pairs] = {
    "PHE": RING,
    "TYR": RING,
    "ARG": (("NH1", "NH2"),),
    "ASP": (("OD1", "OD2"),),
    "GLU": (("OE1", "OE2"),),
}
LAST: Pairs = (("O", "OXT"),)
# Of an acid, which has but one of them, so that its oxygens differ.
PROTONS = {"ASP": {"HD1", "HD2"}, "GLU": {"HE1", "HE2"}}
LAST_PROTONS = {"HXT", "HO", "HO2"}


def exchanges_of(topology: "app.Topology") -> tuple[np.ndarray, ...]:
    """Each exchange of alike atoms as a permutation (n,) of all: turned rings, carboxylates, guanidinium."""
    whole = np.arange(topology.getNumAtoms())
    exchanges = []
    for residue in topology.residues():
        place = {atom.name: atom.index for atom in residue.atoms()}
        acid = PROTONS.get(residue.name, set()) & place.keys()
        sides = () if acid else ALIKE.get(residue.name, ())
        for pairs in (sides, () if LAST_PROTONS & place.keys() else LAST):
            if pairs and all(name in place for pair in pairs for name in pair):
                one, other = np.transpose([[place[name] for name in pair] for pair in pairs])
                exchange = whole.copy()
                exchange[one], exchange[other] = other, one
                exchanges.append(exchange)
    return tuple(exchanges)
