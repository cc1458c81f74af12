"""Trajectories that a viewer can play: DCD beside native.pdb for a protein, XYZ for beads."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnrep.host.cache import write_whole
from nnrep.minimization.result import Frames
from nnrep.systems import System

if TYPE_CHECKING:
    from openmm import app


def write_trajectories(folder: Path, name: str, system: System, frames: Frames) -> None:
    """Write the frames of every seed to a file of its own.

    Args:
        folder: where.
        name: of the files without suffix, with a place for the seed: "trajectory-{seed}".
        system: whose positions; in nm if it has a molecule.
        frames: what was kept.
    """
    for seed in np.unique(frames.seed):
        chosen = frames.seed == seed
        path = folder / name.format(seed=seed)
        if system.molecule is not None:
            _write_dcd(path.with_suffix(".dcd"), system.molecule.topology, frames.positions[chosen])
        else:
            text = "".join(map(_xyz_frame, frames.positions[chosen], frames.step[chosen]))
            write_whole(path.with_suffix(".xyz"), text.encode())


def _write_dcd(path: Path, topology: "app.Topology", positions: np.ndarray) -> None:
    from openmm import app, unit  # beads have no use for it

    content = io.BytesIO()
    # A minimisation has no time: the step between frames is nominal.
    dcd = app.DCDFile(content, topology, 1.0 * unit.femtosecond)
    for frame in positions:
        dcd.writeModel(np.asarray(frame, float) * unit.nanometer)
    write_whole(path, content.getvalue())


def _xyz_frame(positions: np.ndarray, step: int) -> str:
    padded = np.pad(positions, ((0, 0), (0, 3 - positions.shape[1])))
    beads = "".join(f"C {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in padded)
    return f"{len(padded)}\nstep {step}\n{beads}"
