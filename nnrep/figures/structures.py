"""Traces of proteins, superposed on the native one."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.interpolate import make_interp_spline

from nnrep.structures.molecule import Molecule
from nnrep.systems.measures import ANGSTROM_PER_NM, superposed
from nnrep.systems.protein import atom_groups

NATIVE = "0.6"  # its colour
ZOOM = 1.2
FINER = 8  # points of a drawn trace a residue


def draw_traces(axes: Any, molecule: Molecule, ends: dict[str, tuple[np.ndarray, str]]) -> None:
    """The CA trace of the native structure in grey, and others superposed on it; in Angstrom.

    Args:
        axes: three-dimensional.
        molecule: the native structure.
        ends: label -> positions (n, 3) in nm of all atoms, and a colour.
    """
    trace = np.asarray(atom_groups(molecule.topology).ca)
    native = molecule.positions[trace]
    native = native - native.mean(axis=0)
    _draw_trace(axes, native, color=NATIVE, lw=3.5, label="native")
    for label, (positions, color) in ends.items():
        turned = np.asarray(superposed(jnp.asarray(positions[trace]), jnp.asarray(native)))
        _draw_trace(axes, turned, color=color, lw=1.6, label=label)
    # One scale for all directions, and less of the margin that three dimensions come with.
    spans = [np.ptp(limits) for limits in (axes.get_xlim3d(), axes.get_ylim3d(), axes.get_zlim3d())]
    axes.set_box_aspect(spans, zoom=ZOOM)


def _draw_trace(axes: Any, positions: np.ndarray, **style: Any) -> None:
    """A smooth line through positions (m, 3) in nm."""
    places = np.arange(len(positions))
    degree = min(3, len(places) - 1)
    if degree < 1:
        return
    fine = np.linspace(0, len(places) - 1, FINER * len(places))
    line = make_interp_spline(places, ANGSTROM_PER_NM * positions, degree)(fine)
    axes.plot(*line.T, **style)
