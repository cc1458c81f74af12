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

from nnrep.errors import UserError
from nnrep.host.terminal import log
from nnrep.structures.force_field import FORCE_FIELD, force_field
from nnrep.structures.names import Named, as_pdb
from nnrep.structures.random_numbers import seeded_random
from nnrep.structures.residues import CAPS, atom_of, drop_atoms, label, position_of, some
from nnrep.structures.side_chains import complete_side_chain, has_whole_side_chain, new_atom
from nnrep.structures.write import pdb_text

PH = 7.0
SEED = 0
LONGEST_DISULPHIDE = 2.5  # A
C_OXT = 1.25  # A


def complete(named: Named, where: str) -> str:
    """Add all missing atoms; atoms of the file stay where they are. The same input gives the same text.

    Args:
        named: a checked chain.
        where: the file, for errors.

    Returns:
        The whole chain as PDB text; OpenMM finds a template of the force field for each residue.

    Raises:
        UserError: the force field has no template for a residue's atoms.
    """
    structure = named.structure
    chain = structure[0][0]
    _complete_side_chains(chain, where)
    _complete_end(chain)
    _join_cysteines(structure)
    read = app.PDBFile(io.StringIO(as_pdb(structure)))
    modeller = app.Modeller(read.topology, read.positions)
    with seeded_random(SEED), _one_line(chain, where):
        modeller.addHydrogens(
            force_field(), pH=PH, variants=named.variants, platform=openmm.Platform.getPlatform("Reference")
        )
    positions = np.array(modeller.positions.value_in_unit(unit.nanometer), float)
    return pdb_text(modeller.topology, positions, where)


def _complete_side_chains(chain: gemmi.Chain, where: str) -> None:
    added = []
    for index, residue in enumerate(chain):
        if residue.name in CAPS or has_whole_side_chain(residue):
            continue
        others = [
            atom.pos.tolist() for number, other in enumerate(chain) if number != index for atom in other
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


def _join_cysteines(structure: gemmi.Structure) -> None:
    """Put disulphide bonds, near ones and those that the file tells, into the table of bonds."""
    chain = structure[0][0]
    declared = {
        frozenset(str(partner.res_id.seqid) for partner in (bond.partner1, bond.partner2))
        for bond in structure.connections
        if bond.type == gemmi.ConnectionType.Disulf
    }
    cysteines = [residue for residue in chain if residue.name == "CYS" and atom_of(residue, "SG")]
    joined = [pair for pair in combinations(cysteines, 2) if _is_disulphide(*pair, declared)]
    for residue in (residue for pair in joined for residue in pair):
        drop_atoms(residue, lambda atom: atom.name == "HG")
    structure.assign_serial_numbers()
    for pair in joined:
        one, two = (residue.sole_atom("SG").serial for residue in pair)
        structure.add_conect(one, two, 1)


def _is_disulphide(one: gemmi.Residue, two: gemmi.Residue, declared: set[frozenset[str]]) -> bool:
    length = one.sole_atom("SG").pos.dist(two.sole_atom("SG").pos)
    return length < LONGEST_DISULPHIDE or {str(one.seqid), str(two.seqid)} in declared


@contextmanager
def _one_line(chain: gemmi.Chain, where: str) -> Iterator[None]:
    """OpenMM's complaint about a residue becomes one line that names it as the file does."""
    try:
        yield
    except (ValueError, openmm.OpenMMException) as error:
        reason = " ".join(str(error).split())
        index = re.search(r"residue (\d+) \(\w+\)", reason)
        name = label(chain[int(index[1])], chain) if index else "the chain"
        advice = "mend the file, or remove its hydrogens so that they are made anew"
        raise UserError(f"{where}: {FORCE_FIELD} does not fit {name}: {reason}; {advice}") from error
