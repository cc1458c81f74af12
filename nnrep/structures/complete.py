"""Every atom that the force field wants: missing heavy atoms, the chain's last oxygen, hydrogens."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import gemmi
import numpy as np
import openmm
from openmm import app, unit

from nnrep.errors import ConfigError, UserError
from nnrep.host.terminal import log
from nnrep.structures.checks import LONGEST_BOND_BY_RADII
from nnrep.structures.force_field import FORCE_FIELD, force_field
from nnrep.structures.names import Named, as_pdb
from nnrep.structures.openmm_names import FORMS
from nnrep.structures.random_numbers import seeded_random
from nnrep.structures.residues import (
    CAPS,
    LONGEST_DISULPHIDE,
    atom_of,
    drop_atoms,
    label,
    position_of,
    some,
)
from nnrep.structures.side_chains import complete_side_chain, has_whole_side_chain, new_atom
from nnrep.structures.write import pdb_text

PH = 7.0
SEED = 0
C_OXT = 1.25  # A
# OpenMM's name of a protonation, where it is not that of the form.
VARIANTS = {"CYM": "CYX", "CYX": None}
WITHIN = frozenset({"ASH", "GLH", "LYN", "CYM"})  # forms that the force field has within a chain only

Cysteine = tuple[gemmi.Residue, gemmi.Chain]


def complete(named: Named, where: str) -> str:
    """Add all missing atoms; atoms of the file stay where they are. The same input gives the same text.

    Args:
        named: checked chains.
        where: the file, for errors.

    Returns:
        The whole chains as PDB text; OpenMM finds a template of the force field for each residue. Residues
        whose form their atoms do not tell, as LYN, have its name.

    Raises:
        UserError: the force field has no template for a residue's atoms, or a disulphide is torn.
    """
    structure = named.structure
    residues = list(named.residues())
    _check_ends(named, where)
    _complete_side_chains(residues, where)
    for chain in structure[0]:
        _complete_end(chain)
    joined = _join_cysteines(named, where)
    read = app.PDBFile(io.StringIO(as_pdb(structure)))
    if read.topology.getNumResidues() != len(residues):
        raise ConfigError("system.pdb", f"{where}: residues out of order, or numbered twice; mend the file")
    variants = [None if form is None else VARIANTS.get(form, form) for form in named.forms]
    modeller = app.Modeller(read.topology, read.positions)
    modeller.delete(_other_disulphides(read.topology, joined))
    with seeded_random(SEED), _one_line([label(*each) for each in residues], where):
        modeller.addHydrogens(
            force_field(), pH=PH, variants=variants, platform=openmm.Platform.getPlatform("Reference")
        )
    for residue, form in zip(modeller.topology.residues(), named.forms, strict=True):
        residue.name = form if form in FORMS else residue.name
    positions = np.array(modeller.positions.value_in_unit(unit.nanometer), float)
    return pdb_text(modeller.topology, positions, where)


def _check_ends(named: Named, where: str) -> None:
    termini = {label(chain[index], chain) for chain in named.structure[0] for index in (0, -1)}
    for (residue, chain), form in zip(named.residues(), named.forms, strict=True):
        if form in WITHIN and label(residue, chain) in termini:
            reason = f"{FORCE_FIELD} has no template for {form} at an end of a chain"
            advice = "cap the chain (ACE, NME), or give the residue its usual name"
            raise ConfigError("system.pdb", f"{where}: {reason}, {label(residue, chain)}; {advice}")


def _complete_side_chains(residues: list[tuple[gemmi.Residue, gemmi.Chain]], where: str) -> None:
    added = []
    for index, (residue, chain) in enumerate(residues):
        if residue.name in CAPS or has_whole_side_chain(residue):
            continue
        others = [
            atom.pos.tolist()
            for number, (other, _) in enumerate(residues)
            if number != index
            for atom in other
        ]
        new = complete_side_chain(residue, np.array(others).reshape(-1, 3))
        added.append(f"{label(residue, chain)} ({' '.join(new)})")
    if added:
        log().info("%s: added the missing atoms of %s", where, some(added))


def _complete_end(chain: gemmi.Chain) -> None:
    """The second oxygen of the last residue, opposite to its other bonds and in their plane."""
    residue = chain[-1]
    if residue.name in CAPS or atom_of(residue, "OXT") is not None:
        return
    carbon, *bonded = (position_of(atom) for name in ("C", "CA", "O") if (atom := atom_of(residue, name)))
    away = sum((carbon - other) / np.linalg.norm(carbon - other) for other in bonded)
    residue.add_atom(new_atom("OXT", carbon + C_OXT * away / np.linalg.norm(away)))


def _join_cysteines(named: Named, where: str) -> set[frozenset[int]]:
    """Put disulphide bonds, near ones and those that the file tells, into the table of bonds.

    Returns:
        The pairs of residues that they join, each counted from 0 over all chains.
    """
    structure = named.structure
    declared = {
        frozenset(
            _place(partner.chain_name, partner.res_id.seqid) for partner in (bond.partner1, bond.partner2)
        )
        for bond in structure.connections
    }
    residues = list(named.residues())
    cysteines = [
        number
        for number, ((residue, _), form) in enumerate(zip(residues, named.forms, strict=True))
        if residue.name == "CYS" and form != "CYM" and atom_of(residue, "SG")
    ]
    numbers = [
        pair
        for pair in combinations(cysteines, 2)
        if _is_disulphide(residues[pair[0]], residues[pair[1]], declared, where)
    ]
    joined = [(residues[one], residues[other]) for one, other in numbers]
    _report_alone(named, joined, where)
    for residue, _ in (cysteine for pair in joined for cysteine in pair):
        drop_atoms(residue, lambda atom: atom.name == "HG")
    structure.assign_serial_numbers()
    for pair in joined:
        one, two = (residue.sole_atom("SG").serial for residue, _ in pair)
        structure.add_conect(one, two, 1)
    return set(map(frozenset, numbers))


def _other_disulphides(
    topology: app.Topology, joined: set[frozenset[int]]
) -> list[tuple[app.topology.Atom, app.topology.Atom]]:
    """Bonds of other sulphurs: OpenMM joins all up to 3 A that have no hydrogen."""
    return [
        bond
        for bond in topology.bonds()
        if bond[0].name == bond[1].name == "SG"
        and frozenset(atom.residue.index for atom in bond) not in joined
    ]


def _report_alone(named: Named, joined: list[tuple[Cysteine, Cysteine]], where: str) -> None:
    """A residue that is a disulphide's by its name has a hydrogen where its partner is not there."""
    paired = {label(*cysteine) for pair in joined for cysteine in pair}
    unpaired = [
        label(residue, chain)
        for (residue, chain), form in zip(named.residues(), named.forms, strict=True)
        if form == "CYX" and label(residue, chain) not in paired
    ]
    if unpaired:
        log().info("%s: no partner is near to %s (CYX), which get a hydrogen", where, some(unpaired))


def _is_disulphide(one: Cysteine, two: Cysteine, declared: set[frozenset[str]], where: str) -> bool:
    length = one[0].sole_atom("SG").pos.dist(two[0].sole_atom("SG").pos)
    if length < LONGEST_DISULPHIDE:
        return True
    if frozenset(_place(chain.name, residue.seqid) for residue, chain in (one, two)) not in declared:
        return False
    if length > LONGEST_BOND_BY_RADII * 2 * gemmi.Element("S").covalent_r:
        what = (
            f"the disulphide of {label(*one)} and {label(*two)}, which the file tells, is {length:.1f} A long"
        )
        raise ConfigError("system.pdb", f"{where}: {what}; mend the structure or remove its SSBOND record")
    return True


def _place(chain: str, seqid: gemmi.SeqId) -> str:
    return f"{chain} {seqid}"


@contextmanager
def _one_line(labels: list[str], where: str) -> Iterator[None]:
    """OpenMM's complaint about a residue becomes one line that names it as the file does."""
    try:
        yield
    except (ValueError, openmm.OpenMMException) as error:
        reason = " ".join(str(error).split()).split(" For more information")[0]
        index = re.search(r"residue (\d+) \(\w+\)", reason)
        name = labels[int(index[1])] if index else "the chain"
        advice = "mend the file, or remove its hydrogens so that they are added again"
        raise UserError(f"{where}: {FORCE_FIELD} does not fit {name}: {reason}; {advice}") from error
