"""Figure 7's picture: the molecule, and heat maps of the lengths of its pairs."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure as Picture
from openmm import app

from nnrep.energies.soft_pairs import KINDS
from nnrep.figures.drawing.molecules import draw_molecule
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig7.pairs import pairs_of
from nnrep.figures.notes.classical import KIND_LABELS
from nnrep.structures.molecule import Molecule

PICTURE_WIDTH, PART_HEIGHTS = 14.0, (3.8, 4.8)  # inches
FEW_LENGTHS = 4  # that have a colour each
LENGTH_MARGIN = 0.1  # of colours beyond the first and last length, in Angstrom
MOST_LABELS = 25  # residues that are named along a heat map


def draw(evidence: Evidence) -> Picture:
    """The molecule above, the three matrices of lengths below."""
    pairs = pairs_of(evidence)
    picture = Picture(figsize=(PICTURE_WIDTH, sum(PART_HEIGHTS)), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=PART_HEIGHTS)
    above, below = parts
    axes = above.add_subplot(projection="3d")
    draw_molecule(axes, pairs.molecule.topology, pairs.positions, 0.85 * PICTURE_WIDTH / PART_HEIGHTS[0])
    axes.set_axis_off()
    above.legend(*axes.get_legend_handles_labels(), frameon=False, loc="center right")
    above.suptitle(f"{pairs.molecule.name}, stacked: {_sequence(pairs.molecule)}")
    for panel, (kind, lengths) in zip(below.subplots(1, len(KINDS)), pairs.lengths.items(), strict=True):
        _heat_map(panel, below, pairs.molecule.topology, lengths)
        count = np.count_nonzero(np.triu(lengths, 1))
        panel.set_title(f"{KIND_LABELS[kind]}: {count} pairs")
    return picture


def _sequence(molecule: Molecule) -> str:
    """The residues of a short chain; of a long one their number."""
    if molecule.residues > MOST_LABELS:
        return f"{molecule.residues} residues"
    return " ".join(residue.name.title() for residue in molecule.topology.residues())


def _scale(values: np.ndarray) -> tuple[Any, np.ndarray | None]:
    """Colours of lengths, and their ticks: a colour each if there are few of them."""
    if len(values) == 0 or len(values) > FEW_LENGTHS:
        return None, None
    between = (values[1:] + values[:-1]) / 2
    edges = [values[0] - LENGTH_MARGIN, *between, values[-1] + LENGTH_MARGIN]
    return BoundaryNorm(edges, ncolors=256), values


def _heat_map(axes: Any, picture: Any, topology: app.Topology, lengths: np.ndarray) -> None:
    """Lengths of pairs, white where a pair has none, with lines between residues."""
    shown = np.where(lengths > 0, lengths, np.nan)
    norm, ticks = _scale(np.unique(lengths[lengths > 0]))
    image = axes.imshow(shown, cmap="viridis", norm=norm, interpolation="nearest")
    picture.colorbar(image, ax=axes, shrink=0.8, label="s / A", ticks=ticks)
    first = [next(residue.atoms()).index for residue in topology.residues()]
    for edge in first[1:]:
        axes.axhline(edge - 0.5, color="0.7", lw=0.4)
        axes.axvline(edge - 0.5, color="0.7", lw=0.4)
    if len(first) <= MOST_LABELS:
        names = [residue.name.title() for residue in topology.residues()]
        bounds = [*first, len(lengths)]
        places = [(start + end - 1) / 2 for start, end in pairwise(bounds)]
        axes.set_xticks(places, names, rotation=90, fontsize=8)
        axes.set_yticks(places, names, fontsize=8)
