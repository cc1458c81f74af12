"""Bonds that a file tells beside those of chains: what is not computed is refused."""

from collections.abc import Iterator, Sequence

import gemmi

from nnrep.errors import ConfigError
from nnrep.structures.residues import is_protein, label

PEPTIDE = {"C", "N"}
Place = tuple[int, int]  # of which chain, and which residue in it


def check_links(structure: gemmi.Structure, chains: Sequence[gemmi.Chain], where: str) -> None:
    """No covalent bond of LINK or struct_conn joins two residues that are computed, but along the chain.

    Bonds to what is left out, such as sugars, are left out with it.

    Args:
        structure: the whole file.
        chains: the chosen ones.
        where: the file, for errors.

    Raises:
        ConfigError: naming the two atoms.
    """
    places = {_key(chain.name, residue): place for place, residue, chain in _residues(chains)}
    residues = {place: label(residue, chain) for place, residue, chain in _residues(chains)}
    for link in structure.connections:
        if link.type != gemmi.ConnectionType.Covale or link.asu == gemmi.Asu.Different:
            continue
        partners = ((places.get(_key(end.chain_name, end.res_id)), end.atom_name) for end in _partners(link))
        (one, atom), (other, its) = partners
        if one is None or other is None or one == other or _is_peptide(one, other, {atom, its}):
            continue
        what = f"{atom} of {residues[one]} and {its} of {residues[other]} are bonded, as the file tells"
        advice = "such bonds are not computed: give one side alone, or remove the record (LINK, struct_conn)"
        raise ConfigError("system.pdb", f"{where}: {what}; {advice}")


def _residues(chains: Sequence[gemmi.Chain]) -> Iterator[tuple[Place, gemmi.Residue, gemmi.Chain]]:
    for number, chain in enumerate(chains):
        kept = [residue for residue in chain if is_protein(residue)]
        yield from (((number, place), residue, chain) for place, residue in enumerate(kept))


def _partners(link: gemmi.Connection) -> tuple[gemmi.AtomAddress, gemmi.AtomAddress]:
    return link.partner1, link.partner2


def _key(chain: str, residue: gemmi.ResidueId) -> tuple[str, str]:
    return chain, str(residue.seqid)


def _is_peptide(one: Place, other: Place, atoms: set[str]) -> bool:
    return one[0] == other[0] and abs(one[1] - other[1]) == 1 and atoms == PEPTIDE
