"""Caps of a chain's ends as CHARMM has them: patches of a residue, with names of their own."""

import gemmi

from nnrep.structures.residues import CAPS, OTHER_NAMES, atom_of, drop_atoms

# Heavy atoms of the patches ACE and ACP, and of CT3 and CT2 (which has no CAT).
FIRST, LAST = frozenset({"CAY", "CY", "OY"}), frozenset({"NT", "CAT"})
ACETYL, METHYL, AMIDE = "ACE", "NME", "NH2"


def separate_caps(chain: gemmi.Chain) -> None:
    """Make residues of their own of the patches at a chain's ends.

    Args:
        chain: of one location for each atom; changed in place.
    """
    if len(chain) == 0:
        return
    _separate_first(chain)
    _separate_last(chain)


def _separate_first(chain: gemmi.Chain) -> None:
    residue = chain[0]
    if residue.name == ACETYL or atom_of(residue, "N") is None or atom_of(residue, "CY") is None:
        return
    cap = _taken(residue, FIRST, ACETYL)
    cap.seqid = _free(chain, residue.seqid, -1)
    chain.add_residue(cap, 0)


def _separate_last(chain: gemmi.Chain) -> None:
    residue = chain[-1]
    if OTHER_NAMES.get(residue.name, residue.name) in CAPS or atom_of(residue, "NT") is None:
        return
    cap = _taken(residue, LAST, METHYL if atom_of(residue, "CAT") else AMIDE)
    cap.seqid = _free(chain, residue.seqid, 1)
    chain.add_residue(cap)


def _taken(residue: gemmi.Residue, names: frozenset[str], cap_name: str) -> gemmi.Residue:
    """A cap of those atoms of a residue, and of the hydrogens that are bonded to them."""
    cap = gemmi.Residue()
    cap.name = cap_name
    heavy = [atom for atom in residue if not atom.is_hydrogen()]
    own = {
        atom.name
        for atom in residue
        if atom.name in names or (atom.is_hydrogen() and _nearest(atom, heavy).name in names)
    }
    for atom in residue:
        if atom.name in own:
            cap.add_atom(atom)
    drop_atoms(residue, lambda atom: atom.name in own)
    return cap


def _nearest(atom: gemmi.Atom, others: list[gemmi.Atom]) -> gemmi.Atom:
    return min(others, key=lambda other: atom.pos.dist(other.pos))


def _free(chain: gemmi.Chain, beside: gemmi.SeqId, step: int) -> gemmi.SeqId:
    """The number before or after another one, with an insertion code if the number is taken."""
    taken = {str(residue.seqid) for residue in chain}
    candidates = [gemmi.SeqId((beside.num or 0) + step, code) for code in " ABCDEFGHIJ"]
    return next(each for each in candidates if str(each) not in taken)
