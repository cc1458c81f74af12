"""Figure 7's picture: the molecule, and heat maps of the lengths of its pairs."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Picture
from openmm import app

from nnrep.energies.soft_pairs import KINDS
from nnrep.figures.drawing.molecules import draw_molecule
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig7.pairs import pairs_of
from nnrep.figures.notes.classical import KIND_LABELS
from nnrep.records.chains import scale_bar
from nnrep.records.style import PAGE, SMALL, styled
from nnrep.structures.molecule import Molecule

LENGTH_COLORS = "viridis"  # of lengths
MOLECULE_HEIGHT, MAP_HEIGHT = 1.9, 3.4  # inches
MOST_LABELS = 10  # residues that are named along a heat map


@styled()
def draw(evidence: Evidence) -> Picture:
    """The molecule above, the three matrices of lengths below, with one scale of colours."""
    pairs = pairs_of(evidence)
    picture = Picture(figsize=(PAGE, MOLECULE_HEIGHT + MAP_HEIGHT), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=[MOLECULE_HEIGHT, MAP_HEIGHT])
    above, below = parts
    axes = above.subplots()
    draw_molecule(axes, pairs.molecule.topology, pairs.positions)
    scale_bar(axes, "Å")
    axes.set_title(f"{pairs.molecule.name}, stacked: {_sequence(pairs.molecule)}")
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    lengths = np.concatenate([values[values > 0] for values in pairs.lengths.values()])
    scale = Normalize(*((lengths.min(), lengths.max()) if len(lengths) else (0, 1)))
    panels = below.subplots(1, len(KINDS))
    for panel, (kind, values) in zip(panels, pairs.lengths.items(), strict=True):
        _heat_map(panel, pairs.molecule.topology, values, scale)
        count = np.count_nonzero(np.triu(values, 1))
        panel.set_title(f"{KIND_LABELS[kind]}:\n{count} pairs{_span(values[values > 0])}", fontsize=SMALL)
    panels[0].set_ylabel(panels[0].get_xlabel())
    colored = ScalarMappable(scale, LENGTH_COLORS)
    bar = below.colorbar(colored, ax=panels, location="bottom", shrink=0.5, aspect=40)
    bar.set_label("s, where the energy of a pair changes sign / Å")
    return picture


def _span(lengths: np.ndarray) -> str:
    """The shortest and the longest of lengths in Angstrom: ", s 2.4 to 3.5 Å"."""
    if len(lengths) == 0:
        return ""
    extremes = [f"{length:.3g}" for length in (lengths.min(), lengths.max())]
    return f", s {' to '.join(dict.fromkeys(extremes))} Å"


def _sequence(molecule: Molecule) -> str:
    """The residues of a short chain; of a long one their number."""
    if molecule.residues > MOST_LABELS:
        return f"{molecule.residues} residues"
    return " ".join(residue.name.title() for residue in molecule.topology.residues())


def _heat_map(axes: Any, topology: app.Topology, lengths: np.ndarray, scale: Normalize) -> None:
    """Lengths of pairs, white where a pair has none, with lines between residues."""
    shown = np.where(lengths > 0, lengths, np.nan)
    axes.imshow(shown, cmap=LENGTH_COLORS, norm=scale, interpolation="nearest")
    first = [next(residue.atoms()).index for residue in topology.residues()]
    for edge in first[1:]:
        axes.axhline(edge - 0.5, color="0.7", lw=0.4)
        axes.axvline(edge - 0.5, color="0.7", lw=0.4)
    axes.spines[:].set_visible(True)
    if len(first) > MOST_LABELS:
        axes.set_xlabel("atom")
        return
    names = [residue.name.title() for residue in topology.residues()]
    places = [(start + end - 1) / 2 for start, end in pairwise([*first, len(lengths)])]
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)
    axes.set_xlabel("atoms, by residue")
