"""Figure 7's pairs of atoms: how long, how many, and what they add to the energy."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd

from nnrep.energies.all_pairs import squared_distances
from nnrep.energies.soft_pairs import KINDS, pair_energies, whole_table
from nnrep.figures.evidence import Evidence
from nnrep.figures.notes.classical import KIND_LABELS
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.systems.force_fields.classical import classical_parameters
from nnrep.systems.measures import ANGSTROM_PER_NM

LENGTH_DIGITS = 4  # of lengths, which are computed in single precision


class MoleculePairs(NamedTuple):
    """The pairs of a molecule by kind.

    Attributes:
        molecule: whose.
        positions: (n, 3) in nm.
        lengths: kind -> s in Angstrom (n, n); zero where a pair has none of it.
        energies: kind -> energy in kJ/mol (n, n) at the positions.
    """

    molecule: Molecule
    positions: np.ndarray
    lengths: dict[str, np.ndarray]
    energies: dict[str, np.ndarray]


def pairs_of(evidence: Evidence) -> MoleculePairs:
    """The pairs of the molecule of the first run, at its final positions."""
    run, system = evidence.runs.iloc[0], evidence.configs[0].system
    molecule = evidence.molecules[run["structure"]]
    positions = evidence.positions(run["run_id"])
    topology = molecule.topology
    soft = classical_parameters(topology, vacuum_system(topology), system.classical).soft
    table = whole_table(soft.pairs)
    coordinates = jnp.asarray(positions.T, float)
    energies = pair_energies(soft, table, squared_distances(coordinates, coordinates))
    return MoleculePairs(
        molecule,
        positions,
        {name: _lengths(values) for name, values in table._asdict().items()},
        dict(zip(KINDS, map(np.asarray, energies), strict=True)),
    )


def _lengths(inverse_squares: np.ndarray) -> np.ndarray:
    """s in Angstrom from 1 / s^2 in nm^-2; zero stays zero."""
    inverse = np.asarray(inverse_squares, float)
    lengths = ANGSTROM_PER_NM / np.sqrt(np.where(inverse > 0, inverse, 1))
    return np.where(inverse > 0, np.round(lengths, LENGTH_DIGITS), 0)


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """How many pairs of each kind there are, how long, and what they add to the energy."""
    pairs = pairs_of(evidence)
    upper = np.triu_indices(pairs.molecule.n, 1)
    left_out = int(np.sum(pairs.lengths["van_der_waals"][upper] == 0))
    total = len(upper[0])
    rows = [
        {"kind": "all pairs of atoms", "pairs": total, "share": 1.0},
        {"kind": "left out, one or two bonds apart", "pairs": left_out, "share": left_out / total},
    ]
    for kind in KINDS:
        lengths, energies = pairs.lengths[kind][upper], pairs.energies[kind][upper]
        for name, chosen in _parts(kind, lengths):
            rows.append(_row(name, lengths[chosen], energies[chosen], total))
    return {"pairs": pd.DataFrame(rows)}


def _parts(kind: str, lengths: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The pairs of a kind; hydrophobic ones also by whether one atom is hydrophobic or both are."""
    some = lengths > 0
    parts = [(KIND_LABELS[kind], some)]
    if kind == "hydrophobic" and some.any():
        both = some & np.isclose(lengths, lengths.max())
        parts += [("of which both atoms hydrophobic", both)]
        parts += [("of which one atom hydrophobic", some & ~both)]
    return parts


def _row(name: str, lengths: np.ndarray, energies: np.ndarray, total: int) -> dict[str, object]:
    return {
        "kind": name,
        "pairs": len(lengths),
        "share": len(lengths) / total,
        "shortest s / A": lengths.min() if len(lengths) else np.nan,
        "longest s / A": lengths.max() if len(lengths) else np.nan,
        "of negative energy": int(np.sum(energies < 0)),
        "energy / kJ/mol": energies.sum(),
    }


def arrays(evidence: Evidence) -> dict[str, dict[str, np.ndarray]]:
    """The matrices: lengths in Angstrom and energies in kJ/mol of every kind, and what the atoms are."""
    pairs = pairs_of(evidence)
    atoms = list(pairs.molecule.topology.atoms())
    matrices = {
        "atom": np.array([atom.name for atom in atoms]),
        "element": np.array([atom.element.symbol for atom in atoms]),
        "residue": np.array([atom.residue.index for atom in atoms]),
        "residue_name": np.array([atom.residue.name for atom in atoms]),
        "positions_nm": pairs.positions,
    }
    for kind in KINDS:
        matrices |= {f"{kind}_length_angstrom": pairs.lengths[kind], f"{kind}_energy": pairs.energies[kind]}
    return {"matrices": matrices}
