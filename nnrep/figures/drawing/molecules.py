"""Molecules on paper: CA traces superposed on the native one, atoms and bonds; lengths in Angstrom."""

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patheffects import Normal, withStroke
from openmm import app
from scipy.interpolate import make_interp_spline

from nnrep.figures.drawing.axes import to_scale
from nnrep.records.chains import side_view
from nnrep.records.palette import NATIVE
from nnrep.structures.molecule import Molecule
from nnrep.systems.measures import ANGSTROM_PER_NM, superposed_on_host
from nnrep.systems.protein import atom_groups

ELEMENT_COLORS = {"H": "#E6E6E6", "C": "#4D4D4D", "N": "#3050F8", "O": "#FF0D0D", "S": "#FFC832"}
OTHER_ELEMENT = "#E69DF0"
HYDROGEN_SIZE, HEAVY_SIZE = 8, 28  # of drawn atoms, in points squared
TRACE_POINTS = 8  # of a drawn trace, a residue
NATIVE_WIDTH, EDGE_WIDTH = 3.4, 0.4  # points; of the native trace, and of the white edge of others
TRACE_WIDTHS = (1.1, 2.3)  # of the last of others, and of the first of several, which the last may cover


def draw_traces(axes: Any, molecule: Molecule, structures: dict[str, tuple[np.ndarray, str]]) -> None:
    """The CA trace of the native structure in grey, and others superposed on it; seen where it is widest.

    Args:
        axes: two-dimensional; they get the scale of what is drawn, and no ticks.
        molecule: the native structure.
        structures: label -> positions (n, 3) in nm of all atoms, and a colour.
    """
    trace = np.asarray(atom_groups(molecule.topology).ca)
    native = molecule.positions[trace]
    native = native - native.mean(axis=0)
    view = _reading_view(native)
    drawn = [_draw_trace(axes, native @ view.T, color=NATIVE, lw=NATIVE_WIDTH, label="native")]
    widths = np.linspace(TRACE_WIDTHS[len(structures) > 1], TRACE_WIDTHS[0], len(structures))
    for (label, (positions, color)), width in zip(structures.items(), widths, strict=True):
        turned = superposed_on_host(positions[trace], native)
        edge = [withStroke(linewidth=width + 2 * EDGE_WIDTH, foreground="w"), Normal()]
        style = {"color": color, "lw": width, "label": label, "path_effects": edge}
        drawn.append(_draw_trace(axes, turned @ view.T, **style))
    points = np.concatenate(drawn)
    to_scale(axes, points.min(axis=0), points.max(axis=0), square=True)


def draw_molecule(axes: Any, topology: app.Topology, positions: np.ndarray) -> None:
    """Atoms by element and bonds, the longest direction from left to right.

    Args:
        axes: two-dimensional; they get the scale of what is drawn, and no ticks.
        topology: atoms and bonds.
        positions: (n, 3) in nm.
    """
    centred = ANGSTROM_PER_NM * (positions - positions.mean(axis=0))
    seen = centred @ _reading_view(centred).T
    depth = dict(enumerate(np.argsort(np.argsort(seen[:, 2]))))  # 0 of the farthest atom
    bonds = [(one.index, other.index) for one, other in topology.bonds()]
    for one, other in bonds:  # each below the nearer of its atoms
        line = LineCollection([seen[[one, other], :2]], colors="0.45", linewidths=1.0)
        line.set_zorder(2 + max(depth[one], depth[other]) - 0.5)
        axes.add_collection(line)
    named: set[str] = set()
    for atom in topology.atoms():
        element = atom.element.symbol
        axes.scatter(
            *seen[atom.index, :2],
            s=HYDROGEN_SIZE if element == "H" else HEAVY_SIZE,
            color=ELEMENT_COLORS.get(element, OTHER_ELEMENT),
            edgecolors="k",
            linewidths=0.4,
            zorder=2 + depth[atom.index],
            label=None if element in named else element,
        )
        named.add(element)
    to_scale(axes, seen[:, :2].min(axis=0), seen[:, :2].max(axis=0))


def _reading_view(positions: np.ndarray) -> np.ndarray:
    """The side view (3, 3) of positions (m, 3) in which the first is left of the last."""
    view = side_view(positions)
    if (positions[-1] - positions[0]) @ view[0] < 0:
        view[:2] *= -1
    return view


def _draw_trace(axes: Any, positions: np.ndarray, **style: Any) -> np.ndarray:
    """A smooth line through positions (m, 3) in nm, seen in depth: its points (k, 2) in Angstrom."""
    places = np.arange(len(positions))
    degree = min(3, len(places) - 1)
    if degree < 1:
        return ANGSTROM_PER_NM * positions[:, :2]
    fine = np.linspace(0, len(places) - 1, TRACE_POINTS * len(places))
    line = make_interp_spline(places, ANGSTROM_PER_NM * positions[:, :2], degree)(fine)
    axes.plot(*line.T, solid_capstyle="round", **style)
    return line
