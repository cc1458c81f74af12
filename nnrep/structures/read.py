"""From a structure file to one chain of one model: no water, no ligands, one place for each atom."""

import gemmi

from nnrep.errors import ConfigError
from nnrep.host.terminal import log
from nnrep.structures.checks import check_end
from nnrep.structures.parse import parse
from nnrep.structures.places import Found
from nnrep.structures.preparation import Heterogens, Preparation
from nnrep.structures.residues import chain_letter, drop_atoms, is_nucleic, is_protein, is_water, some


def read_structure(found: Found, options: Preparation) -> gemmi.Structure:
    """The chosen chain of the chosen model, its residues and atoms named as in the file.

    Deuterium becomes hydrogen; of alternate locations, each residue keeps the most occupied.

    Args:
        found: the file.
        options: which model and chain, and what happens to ligands.

    Returns:
        A structure of one model with one chain, positions in A.

    Raises:
        UserError: the file is damaged, there is no such model or chain, or no protein in it.
    """
    structure = parse(found.data, found.origin)
    model = _chosen_model(structure, options.model, found.origin)
    chain = _chosen_chain(model, options.chain, found.origin)
    _report_heterogens(model, chain, options.heterogens, found.origin)
    _keep(structure, model, chain)
    for residue in structure[0][0]:
        _protonate(residue)
    _resolve_locations(structure[0][0])
    structure.setup_entities()
    check_end(found.data.decode("utf-8", errors="replace"), structure[0][0], found.origin)
    return structure


def _chosen_model(structure: gemmi.Structure, number: int, where: str) -> gemmi.Model:
    if number > len(structure):
        raise ConfigError("system.model", f"{where} has {len(structure)} model(s), got {number}")
    return structure[number - 1]


def _chosen_chain(model: gemmi.Model, name: str | None, where: str) -> gemmi.Chain:
    proteins = [chain for chain in model if any(map(is_protein, chain))]
    nucleic = [chain_letter(chain.name) for chain in model if any(map(is_nucleic, chain))]
    names = ", ".join(chain_letter(chain.name) for chain in proteins)
    if name is not None:
        chosen = [chain for chain in proteins if chain.name == name]
        if not chosen:
            has = f"the protein chain(s) {names}" if proteins else "no protein chain"
            raise ConfigError("system.chain", f"{where} has {has}, got {chain_letter(name)}")
        return chosen[0]
    if not proteins:
        holds = f"DNA or RNA (chains {', '.join(nucleic)}) and " if nucleic else ""
        holds = "only water and " if _is_only_water(model) else holds
        reason = f"{where} holds {holds}no protein in model {model.num}; give the file of a protein"
        raise ConfigError("system.pdb", reason)
    if len(proteins) > 1 or nucleic:
        strands = f" and DNA or RNA (chains {', '.join(nucleic)})" if nucleic else ""
        advice = f"choose one protein chain, such as system.chain={proteins[0].name}"
        raise ConfigError("system.chain", f"{where} has the protein chain(s) {names}{strands}; {advice}")
    return proteins[0]


def _is_only_water(model: gemmi.Model) -> bool:
    return all(is_water(residue) for chain in model for residue in chain)


def _report_heterogens(model: gemmi.Model, chain: gemmi.Chain, wanted: Heterogens, where: str) -> None:
    """Ligands count if they are in the chain, or in a chain that holds neither protein nor DNA."""
    beside = [other for other in model if not any(is_protein(r) or is_nucleic(r) for r in other)]
    groups = [r for part in (chain, *beside) for r in part if not is_protein(r) and not is_water(r)]
    if not groups:
        return
    names = some(sorted({residue.name for residue in groups}))
    if wanted is Heterogens.refuse:
        reason = f"refuse, but {where} has {names}; remove them or give system.heterogens=drop"
        raise ConfigError("system.heterogens", reason)
    log().info("%s: %s left out, as nnrep computes the protein alone", where, names)


def _keep(structure: gemmi.Structure, model: gemmi.Model, chain: gemmi.Chain) -> None:
    """Make a structure's only chain the protein of one."""
    chain_name = chain.name
    kept, only = gemmi.Chain(chain_name), gemmi.Model(1)
    for residue in chain:
        if is_protein(residue):
            kept.add_residue(residue)
    only.add_chain(kept)
    structure.add_model(only)
    while len(structure) > 1:
        del structure[0]
    for index in reversed(range(len(structure.connections))):
        if not _is_inside(structure.connections[index], chain_name):
            structure.connections.pop(index)


def _is_inside(bond: gemmi.Connection, chain: str) -> bool:
    """Whether a bond that the file tells is within a chain, not to its image in the crystal."""
    partners = {bond.partner1.chain_name, bond.partner2.chain_name}
    return partners == {chain} and bond.asu != gemmi.Asu.Different


def _protonate(residue: gemmi.Residue) -> None:
    """Deuterium becomes hydrogen, in name too: DG1 is HG1."""
    for atom in residue:
        if atom.element == gemmi.Element("D"):
            atom.element = gemmi.Element("H")
            atom.name = "H" + atom.name[1:] if atom.name.startswith("D") else atom.name


def _resolve_locations(chain: gemmi.Chain) -> None:
    """One residue in every place of the chain, and one position for each of its atoms."""
    for index in reversed(range(1, len(chain))):  # one place, two residues: what mutants and wild type share
        first, second = chain[index - 1], chain[index]
        if first.seqid == second.seqid and first.name != second.name:
            del chain[index - 1 if _occupancy(second) > _occupancy(first) else index]
    for residue in chain:
        _keep_one_location(residue)


def _keep_one_location(residue: gemmi.Residue) -> None:
    labels = dict.fromkeys(atom.altloc for atom in residue if atom.has_altloc())
    if not labels:
        return
    chosen = max(labels, key=lambda name: _occupancy(residue, name))  # of equals the first
    kept = {atom.name for atom in residue if atom.altloc in ("\0", chosen)}

    def is_elsewhere(atom: gemmi.Atom) -> bool:
        return atom.altloc not in ("\0", chosen) and (atom.name in kept or atom.is_hydrogen())

    drop_atoms(residue, is_elsewhere)
    # Heavy atoms that the chosen location lacks may still have several.
    names = [atom.name for atom in residue]
    repeated = [
        index for index, name in enumerate(names) if name in names[:index] and residue[index].has_altloc()
    ]
    for index in reversed(repeated):
        del residue[index]
    for atom in residue:
        atom.altloc = "\0"


def _occupancy(residue: gemmi.Residue, location: str | None = None) -> float:
    """Mean occupancy of a residue's atoms, or of those in one alternate location."""
    values = [atom.occ for atom in residue if location in (None, atom.altloc)]
    return sum(values) / max(1, len(values))
