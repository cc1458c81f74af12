"""Figure 7: a chain stacked from its residues, and the pairs of its classical energy."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure as Picture
from openmm import app

from nnrep.config.schema import RunConfig
from nnrep.energies.all_pairs import squared_distances
from nnrep.energies.soft_pairs import KINDS, pair_energies, whole_table
from nnrep.errors import require
from nnrep.figures.classical import KIND_NAMES, check_energy, notes_on_terms
from nnrep.figures.figure import Claim, Evidence, Figure, Verdict, nothing_repeated
from nnrep.figures.structures import draw_molecule
from nnrep.structures.extended import PEPTIDE_BOND
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.systems.classical import classical_parameters
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.protein import Start

DIGITS = 4  # of lengths, which are computed in single precision
EXACT = 1e-3  # Angstrom: structures are written with three decimals
WIDE, HEIGHTS = 14.0, (3.8, 4.8)  # inches
FEW_VALUES, MARGIN = 4, 0.1  # of lengths in a legend; beyond the first and last of them, in Angstrom
MOST_LABELS = 25  # residues that are named along a heat map


class Pairs(NamedTuple):
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


def pairs_of(evidence: Evidence) -> Pairs:
    """The pairs of the molecule of the first run, where that run ended."""
    run, system = evidence.runs.iloc[0], evidence.configs[0].system
    molecule = evidence.molecules[run["structure"]]
    positions = evidence.positions(run["run_id"])
    topology = molecule.topology
    soft = classical_parameters(topology, vacuum_system(topology), system.classical).soft
    table = whole_table(soft.pairs)
    coordinates = jnp.asarray(positions.T, float)
    energies = pair_energies(soft, table, squared_distances(coordinates, coordinates))
    return Pairs(
        molecule,
        positions,
        {name: _lengths(values) for name, values in table._asdict().items()},
        dict(zip(KINDS, map(np.asarray, energies), strict=True)),
    )


def _lengths(inverse_squares: np.ndarray) -> np.ndarray:
    """s in Angstrom from 1 / s^2 in nm^-2; zero stays zero."""
    inverse = np.asarray(inverse_squares, float)
    lengths = ANGSTROM_PER_NM / np.sqrt(np.where(inverse > 0, inverse, 1))
    return np.where(inverse > 0, np.round(lengths, DIGITS), 0)


def draw(evidence: Evidence) -> Picture:
    """The molecule above, the three matrices of lengths below."""
    pairs = pairs_of(evidence)
    picture = Picture(figsize=(WIDE, sum(HEIGHTS)), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=HEIGHTS)
    above, below = parts
    axes = above.add_subplot(projection="3d")
    draw_molecule(axes, pairs.molecule.topology, pairs.positions, 0.85 * WIDE / HEIGHTS[0])
    axes.set_axis_off()
    above.legend(*axes.get_legend_handles_labels(), frameon=False, loc="center right")
    above.suptitle(f"{pairs.molecule.name}, stacked: {_sequence(pairs.molecule)}")
    for panel, (kind, lengths) in zip(below.subplots(1, len(KINDS)), pairs.lengths.items(), strict=True):
        _heat_map(panel, below, pairs.molecule.topology, lengths)
        count = np.count_nonzero(np.triu(lengths, 1))
        panel.set_title(f"{KIND_NAMES[kind]}: {count} pairs")
    return picture


def _sequence(molecule: Molecule) -> str:
    """The residues of a short chain; of a long one their number."""
    if molecule.residues > MOST_LABELS:
        return f"{molecule.residues} residues"
    return " ".join(residue.name.title() for residue in molecule.topology.residues())


def _scale(values: np.ndarray) -> tuple[Any, np.ndarray | None]:
    """Colours of lengths, and their ticks: a colour each where there are few of them."""
    if len(values) == 0 or len(values) > FEW_VALUES:
        return None, None
    between = (values[1:] + values[:-1]) / 2
    edges = [values[0] - MARGIN, *between, values[-1] + MARGIN]
    return BoundaryNorm(edges, ncolors=256), values


def _heat_map(axes: Any, picture: Any, topology: app.Topology, lengths: np.ndarray) -> None:
    """Lengths of pairs, white where there are none, with lines between residues."""
    shown = np.where(lengths > 0, lengths, np.nan)
    norm, ticks = _scale(np.unique(lengths[lengths > 0]))
    image = axes.imshow(shown, cmap="viridis", norm=norm, interpolation="nearest")
    picture.colorbar(image, ax=axes, shrink=0.8, label="s / A", ticks=ticks)
    first = [next(residue.atoms()).index for residue in topology.residues()]
    ends = [*first[1:], len(lengths)]
    for edge in first[1:]:
        axes.axhline(edge - 0.5, color="0.7", lw=0.4)
        axes.axvline(edge - 0.5, color="0.7", lw=0.4)
    if len(first) <= MOST_LABELS:
        names = [residue.name.title() for residue in topology.residues()]
        places = [(start + end - 1) / 2 for start, end in zip(first, ends, strict=True)]
        axes.set_xticks(places, names, rotation=90, fontsize=8)
        axes.set_yticks(places, names, fontsize=8)


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
    found = [(KIND_NAMES[kind], some)]
    if kind == "hydrophobic" and some.any():
        both = some & np.isclose(lengths, lengths.max())
        found += [("of which both atoms hydrophobic", both)]
        found += [("of which one atom hydrophobic", some & ~both)]
    return found


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
    found = {
        "atom": np.array([atom.name for atom in atoms]),
        "element": np.array([atom.element.symbol for atom in atoms]),
        "residue": np.array([atom.residue.index for atom in atoms]),
        "residue_name": np.array([atom.residue.name for atom in atoms]),
        "positions_nm": pairs.positions,
    }
    for kind in KINDS:
        found |= {f"{kind}_length_angstrom": pairs.lengths[kind], f"{kind}_energy": pairs.energies[kind]}
    return {"matrices": found}


def claims(evidence: Evidence) -> list[Claim]:
    """What the paper's appendix says of the chain."""
    pairs = pairs_of(evidence)
    bonds = peptide_bonds(pairs.molecule.topology, pairs.positions)
    claim, source = f"residues are stacked with peptide bonds of {PEPTIDE_BOND} A", "appendix A, figure 7"
    if not bonds.size:
        return [Claim(claim, source, "no peptide bonds", Verdict.undecided)]
    exact = bool(np.all(abs(bonds - PEPTIDE_BOND) < EXACT))
    measured = f"{len(bonds)} bonds of {bonds.min():.3f} to {bonds.max():.3f} A"
    return [Claim(claim, source, measured, Verdict.holds if exact else Verdict.fails)]


def peptide_bonds(topology: app.Topology, positions: np.ndarray) -> np.ndarray:
    """Lengths in Angstrom of the bonds C-N between residues, at positions (n, 3) in nm."""
    ends = [
        (one.index, other.index)
        for one, other in topology.bonds()
        if {one.name, other.name} == {"C", "N"} and one.residue is not other.residue
    ]
    first, second = np.array(ends, int).reshape(-1, 2).T
    return ANGSTROM_PER_NM * np.linalg.norm(positions[first] - positions[second], axis=1)


def notes(evidence: Evidence) -> list[str]:
    """What counts as a pair, and what the other terms add."""
    run, chosen = evidence.runs.iloc[0], evidence.configs[0].system.classical
    left_out = "left out" if chosen.exclude_neighbours else "included"
    found = [
        "Van der Waals: s is the sum of Bondi's radii. Hydrogen bonds: a hydrogen on N or O, and any O. "
        f"Hydrophobic: atoms of residues above zero on the scale {chosen.hydrophobic_scale.name} have "
        f"{chosen.hydrophobic_radius:g} A, others none, and s is the sum of both: a pair with one such atom "
        f"has an s too. Pairs one or two bonds apart are {left_out}.",
    ]
    told = ", ".join(f"{name} {run[f'energy_{name}']:.1f}" for name in ("bonds", "angles"))
    found.append(f"Beside the pairs, in kJ/mol: {told}; energy in all {run['energy']:.1f}.")
    return [*found, *notes_on_terms(evidence)]


def check(config: RunConfig) -> None:
    """Raise `ConfigError` for anything but the stacked chain as it is."""
    check_energy(config)
    system = config.system
    reason = ", as figure 7 is of the stacked chain as it is"
    require(system.start is Start.extended, "system.start", f"extended{reason}", system.start.value)
    require(system.noise == 0, "system.perturbation", f"null{reason}", system.noise)
    require(config.max_steps == 0, "max_steps", f"0{reason}", config.max_steps)
    name = config.reparam.name
    require(name == "none", "reparam", f"none{reason}", name)


FIGURE = Figure(
    name="fig7",
    title="Figure 7: a chain stacked from its residues, and its three matrices of pairs",
    needs_positions=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims,
    tables=tables,
    arrays=arrays,
    notes=notes,
    fixed_grid=True,
    check=check,
    beyond=False,
    caption=(
        "Above: the stacked chain, atoms by element and bonds. Below: for each kind of pair the length s at "
        "which its energy changes sign, white where a pair has none; lines separate residues. `matrices.npz` "
        "holds lengths and energies of all pairs."
    ),
)
