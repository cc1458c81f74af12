"""The table of slow modes, which of them are drawn, and what their eigenvalues are measured in."""

from typing import Any

import numpy as np
import pandas as pd

from nnrep.modes import ModesOf, SlowModes
from nnrep.modes.backbone import Backbone
from nnrep.modes.rigid import rigid_share
from nnrep.modes.settings import ModesConfig
from nnrep.systems import System

RIGID = 0.9  # share from which on a mode counts as a rigid motion


def modes_table(modes: SlowModes, positions: np.ndarray, free: np.ndarray) -> pd.DataFrame:
    """A row a mode, of particles at positions (n, d), of which those in free (m,) may move.

    Columns: mode, counted from 1; eigenvalue; weight; participation, the share of the coordinates that take
    part (1/n to 1); rigid, see `rigid_share`; residual; solver.
    """
    assert modes.residuals is not None
    vectors = np.asarray(modes.vectors, float)
    columns: dict[str, Any] = {
        "mode": np.arange(1, vectors.shape[1] + 1),
        "eigenvalue": np.asarray(modes.values, float),
        "weight": np.asarray(modes.weights, float),
        "participation": 1 / (len(vectors) * np.sum(vectors**4, axis=0)),
        "rigid": rigid_share(vectors, positions, modes.of == ModesOf.hessian.value, free),
        "residual": np.asarray(modes.residuals, float),
        "solver": modes.solver,
    }
    return pd.DataFrame(columns)


def chosen_modes(table: pd.DataFrame, drawn: int | list[int]) -> list[int]:
    """The modes to draw, counted from 0: those that are listed, or the slowest that are not rigid."""
    if isinstance(drawn, list):
        return [mode - 1 for mode in drawn]
    moving = np.flatnonzero(table["rigid"] <= RIGID)
    return (moving if len(moving) else np.arange(len(table)))[:drawn].tolist()


def gradient_unit(system: System) -> str:
    """What a gradient is measured in; empty for dimensionless systems."""
    return f"{system.energy_unit}/{system.length_unit}" if system.length_unit else ""


def eigenvalue_unit(system: System, modes: ModesConfig) -> str:
    """What the eigenvalues of modes are measured in; empty for dimensionless ones."""
    if modes.of is ModesOf.graph or not system.length_unit:
        return ""
    of_hessian = f"{system.energy_unit}/{system.length_unit}²"
    squared = modes.of is ModesOf.backbone and modes.backbone is Backbone.sum_square
    return f"({of_hessian})²" if squared else of_hessian
