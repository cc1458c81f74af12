"""Molecules in space: CA traces superposed on the native one, atoms and bonds."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from openmm import app
from scipy.interpolate import make_interp_spline

from nnrep.structures.molecule import Molecule
from nnrep.systems.measures import ANGSTROM_PER_NM, superposed
from nnrep.systems.protein import atom_groups

NATIVE_COLOR = "0.6"
FILLED = 0.85  # share of the space for a molecule that it fills
ELEMENT_COLORS = {"H": "0.8", "C": "0.3", "N": "tab:blue", "O": "tab:red", "S": "gold"}
HYDROGEN_SIZE, HEAVY_SIZE = 25, 80  # of drawn atoms, in points squared
ZOOM = 1.2  # a trace of this zoom fills its axes
TRACE_POINTS = 8  # of a drawn trace, a residue


def draw_traces(axes: Any, molecule: Molecule, structures: dict[str, tuple[np.ndarray, str]]) -> None:
    """The CA trace of the native structure in grey, and others superposed on it; in Angstrom.

    Args:
        axes: three-dimensional.
        molecule: the native structure.
        structures: label -> positions (n, 3) in nm of all atoms, and a colour.
    """
    trace = np.asarray(atom_groups(molecule.topology).ca)
    native = molecule.positions[trace]
    native = native - native.mean(axis=0)
    _draw_trace(axes, native, color=NATIVE_COLOR, lw=3.5, label="native")
    for label, (positions, color) in structures.items():
        turned = np.asarray(superposed(jnp.asarray(positions[trace]), jnp.asarray(native)))
        _draw_trace(axes, turned, color=color, lw=1.6, label=label)
    _one_scale(axes)


def draw_molecule(axes: Any, topology: app.Topology, positions: np.ndarray, ratio: float) -> None:
    """Atoms by element and bonds, the longest direction from left to right.

    Args:
        axes: three-dimensional.
        topology: atoms and bonds.
        positions: (n, 3) in nm.
        ratio: width of the space for it over its height.
    """
    centred = ANGSTROM_PER_NM * (positions - positions.mean(axis=0))
    axes.computed_zorder = False  # atoms in front of their bonds
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    lines = [turned[[one.index, other.index]] for one, other in topology.bonds()]
    axes.add_collection3d(Line3DCollection(lines, colors="0.5", linewidths=1.2, clip_on=False, zorder=1))
    elements = np.array([atom.element.symbol for atom in topology.atoms()])
    for element in dict.fromkeys(elements):
        chosen = turned[elements == element]
        size = HYDROGEN_SIZE if element == "H" else HEAVY_SIZE
        style = {"color": ELEMENT_COLORS.get(element, "tab:green"), "s": size}
        style |= {"edgecolors": "k", "linewidths": 0.3, "clip_on": False, "zorder": 2}
        axes.scatter(*chosen.T, depthshade=False, label=element, **style)
    wide, high, _ = spans = np.ptp(turned, axis=0)
    # A cube of this size fills the height; three-dimensional axes are square, and drawn beyond.
    fitting = min(ratio / max(wide, 1e-9), 1 / max(high, 1e-9)) * np.linalg.norm(spans)
    _one_scale(axes, FILLED * ZOOM * fitting)
    axes.set_proj_type("ortho")
    axes.view_init(elev=75, azim=-90)


def _one_scale(axes: Any, zoom: float = ZOOM) -> None:
    """One scale for all directions, and less of the margin that three dimensions come with."""
    spans = [np.ptp(limits) for limits in (axes.get_xlim3d(), axes.get_ylim3d(), axes.get_zlim3d())]
    axes.set_box_aspect(spans, zoom=zoom)


def _draw_trace(axes: Any, positions: np.ndarray, **style: Any) -> None:
    """A smooth line through positions (m, 3) in nm."""
    places = np.arange(len(positions))
    degree = min(3, len(places) - 1)
    if degree < 1:
        return
    fine = np.linspace(0, len(places) - 1, TRACE_POINTS * len(places))
    line = make_interp_spline(places, ANGSTROM_PER_NM * positions, degree)(fine)
    axes.plot(*line.T, **style)
