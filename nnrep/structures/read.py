"""From a structure file to chains of one model: no water, no ligands, one place for each atom."""

import re
from collections.abc import Sequence

import gemmi

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.checks import check_end
from nnrep.structures.links import check_links
from nnrep.structures.locations import resolve_locations
from nnrep.structures.parse import decoded, parse
from nnrep.structures.places import Found
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.residues import LONGEST_DISULPHIDE, chain_letter, is_nucleic, is_protein, is_water, some

DEUTERIUM = re.compile(r"^(\d*)D")
# A bond that only CONECT tells, by serial numbers that programs tend to leave behind, in A.
LONGEST_DECLARED_DISULPHIDE = 1.2 * LONGEST_DISULPHIDE


def read_structure(found: Found, options: Preparation) -> gemmi.Structure:
    """The chosen chains of the chosen model, their residues and atoms named as in the file.

    Deuterium becomes hydrogen; of alternate locations one conformer is kept.

    Args:
        found: the file.
        options: which model and chains, and what happens to ligands.

    Returns:
        A structure of one model, positions in A; its connections are the disulphides that the file tells.

    Raises:
        UserError: the file is damaged, there is no such model or chain, or no protein in it.
    """
    structure = parse(found.data, found.origin)
    model = _chosen_model(structure, options.model, found.origin)
    chains = _chosen_chains(model, options.chains, found.origin)
    _report_heterogens(model, chains, options.heterogens, found.origin)
    check_links(structure, chains, found.origin)
    declared = _told_disulphides(structure, chains)
    _keep(structure, chains)
    for residue in (residue for chain in structure[0] for residue in chain):
        _protonate(residue)
    resolve_locations(list(structure[0]), found.origin)
    structure.connections.clear()
    for bond in declared:
        structure.connections.append(bond)
    structure.clear_conect()
    structure.setup_entities()
    for chain in structure[0]:
        check_end(decoded(found.data), chain, found.origin)
    return structure


def _chosen_model(structure: gemmi.Structure, number: int, where: str) -> gemmi.Model:
    if number > len(structure):
        raise ConfigError("system.model", f"{where} has {len(structure)} model(s), got {number}")
    return structure[number - 1]


def _chosen_chains(model: gemmi.Model, names: Sequence[str] | None, where: str) -> list[gemmi.Chain]:
    """The chains of some names, in their order; all proteins for none, the only one for None."""
    proteins = [chain for chain in model if any(map(is_protein, chain))]
    nucleic = [chain_letter(chain.name) for chain in model if any(map(is_nucleic, chain))]
    has = ", ".join(chain_letter(chain.name) for chain in proteins)
    if names:
        missing = [name for name in names if name not in {chain.name for chain in proteins}]
        if missing:
            known = f"the protein chain(s) {has}" if proteins else "no protein chain"
            raise ConfigError("system.chain", f"{where} has {known}, got {', '.join(missing)}")
        return [next(chain for chain in proteins if chain.name == name) for name in names]
    if not proteins:
        holds = f"DNA or RNA (chains {', '.join(nucleic)}) and " if nucleic else ""
        holds = "only water and " if _is_only_water(model) else holds
        reason = f"{where} holds {holds}no protein in model {model.num}; give the file of a protein"
        raise ConfigError("system.pdb", reason)
    if names is None and (len(proteins) > 1 or nucleic):
        strands = f" and DNA or RNA (chains {', '.join(nucleic)})" if nucleic else ""
        advice = f"choose one protein chain, such as system.chain={proteins[0].name}"
        if len(proteins) > 1:
            several = ",".join(chain.name for chain in proteins[:2])
            advice += f", several, such as system.chain={several}, or all with system.chain=all"
        raise ConfigError("system.chain", f"{where} has the protein chain(s) {has}{strands}; {advice}")
    return proteins


def _is_only_water(model: gemmi.Model) -> bool:
    return all(is_water(residue) for chain in model for residue in chain)


def _report_heterogens(
    model: gemmi.Model, chains: Sequence[gemmi.Chain], wanted: Heterogens, where: str
) -> None:
    """Ligands count if they are in the chains, or in a chain that holds neither protein nor DNA."""
    beside = [other for other in model if not any(is_protein(r) or is_nucleic(r) for r in other)]
    groups = [r for part in (*chains, *beside) for r in part if not is_protein(r) and not is_water(r)]
    if not groups:
        return
    names = some(sorted({residue.name for residue in groups}))
    if wanted is Heterogens.refuse:
        reason = f"refuse, but {where} has {names}; remove them or give system.heterogens=drop"
        raise ConfigError("system.heterogens", reason)
    log().info("%s: %s left out, as nnrep computes the protein alone", where, names)


def _keep(structure: gemmi.Structure, chains: Sequence[gemmi.Chain]) -> None:
    """Make the protein of some chains a structure's only model."""
    only = gemmi.Model(1)
    for chain in chains:
        kept = gemmi.Chain(chain.name)
        for residue in chain:
            if is_protein(residue):
                kept.add_residue(residue)
        only.add_chain(kept)
    structure.add_model(only)
    while len(structure) > 1:
        del structure[0]


def _told_disulphides(structure: gemmi.Structure, chains: Sequence[gemmi.Chain]) -> list[gemmi.Connection]:
    """Disulphides between chosen chains: those that the file tells, and those of CONECT that may be bonds."""
    names = {chain.name for chain in chains}
    declared = [
        bond
        for bond in structure.connections
        if bond.type == gemmi.ConnectionType.Disulf
        and {bond.partner1.chain_name, bond.partner2.chain_name} <= names
        and bond.asu != gemmi.Asu.Different  # not to an image in the crystal
    ]
    sulphurs = {
        atom.serial: (chain, residue, atom)
        for chain in chains
        for residue in chain
        for atom in residue
        if atom.name == "SG"
    }
    for serial, partners in structure.conect_map.items():
        for other in {partner for partner in partners if serial < partner}:
            if serial in sulphurs and other in sulphurs:
                one, two = sulphurs[serial], sulphurs[other]
                if one[2].pos.dist(two[2].pos) < LONGEST_DECLARED_DISULPHIDE:
                    declared.append(_connection(one, two))
    return declared


def _connection(*partners: tuple[gemmi.Chain, gemmi.Residue, gemmi.Atom]) -> gemmi.Connection:
    bond = gemmi.Connection()
    bond.type = gemmi.ConnectionType.Disulf
    bond.partner1, bond.partner2 = (
        gemmi.AtomAddress(chain.name, residue.seqid, residue.name, atom.name)
        for chain, residue, atom in partners
    )
    return bond


def _protonate(residue: gemmi.Residue) -> None:
    """Deuterium becomes hydrogen, in name too, whichever element the file has for it: DG1 is HG1."""
    for atom in residue:
        if atom.is_hydrogen():
            atom.element = gemmi.Element("H")
            atom.name = DEUTERIUM.sub(r"\1H", atom.name)
