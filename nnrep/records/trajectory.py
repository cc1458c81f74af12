"""Trajectories that a viewer can play: DCD beside native.pdb for a protein, XYZ for beads."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.minimization.result import Frames
from nnrep.systems import System

if TYPE_CHECKING:
    from openmm import app

DCD_BOX = 10  # place of the number that tells of a box, among the twenty of a DCD file's header


def write_trajectories(
    folder: Path, name: str, system: System, frames: Frames, time_step_fs: float = 1.0
) -> None:
    """Write the frames of every seed to a file of its own.

    Args:
        folder: where.
        name: of the files without suffix, with a place for the seed: "trajectory-{seed}".
        system: whose positions; in nm if it has a molecule.
        frames: what was kept, at even intervals.
        time_step_fs: of dynamics; a minimisation has no time, and a nominal step.
    """
    for seed in np.unique(frames.seed):
        chosen = frames.seed == seed
        path = folder / name.format(seed=seed)
        if system.molecule is not None:
            steps = frames.step[chosen]
            interval = int(steps[1] - steps[0]) if len(steps) > 1 else 1
            timing = (time_step_fs, int(steps[0]), max(1, interval))
            _write_dcd(path.with_suffix(".dcd"), system.molecule.topology, timing, frames.positions[chosen])
        else:
            text = "".join(map(_xyz_frame, frames.positions[chosen], frames.step[chosen]))
            write_whole(path.with_suffix(".xyz"), text.encode())


def _write_dcd(
    path: Path, topology: "app.Topology", timing: tuple[float, int, int], positions: np.ndarray
) -> None:
    """Frames (f, n, 3) in nm.

    Args:
        path: of the file.
        topology: of the molecule.
        timing: a step in fs, the step of the first frame, steps from frame to frame.
        positions: of the frames.
    """
    from openmm import app, unit  # beads have no use for it

    content = io.BytesIO()
    step, first, interval = timing
    dcd = app.DCDFile(content, topology, step * unit.femtosecond, firstStep=first, interval=interval)
    for frame in positions:
        dcd.writeModel(np.asarray(frame, float) * unit.nanometer)
    write_whole(path, content.getvalue())


def _xyz_frame(positions: np.ndarray, step: int) -> str:
    padded = np.pad(positions, ((0, 0), (0, 3 - positions.shape[1])))
    beads = "".join(f"C {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in padded)
    return f"{len(padded)}\nstep {step}\n{beads}"


def read_trajectory(path: Path) -> np.ndarray:
    """The frames (f, n, 3) of a file of `write_trajectories`: in Angstrom of a DCD file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return _read_dcd(path.read_bytes()) if path.suffix == ".dcd" else _read_xyz(path.read_text())
    except (OSError, ValueError, IndexError) as error:
        raise UserError(f"{path}: not a readable trajectory ({error})") from error


def _read_dcd(content: bytes) -> np.ndarray:
    """Records between their lengths: header, title, number of atoms, then of each frame x, y and z."""
    records, place = [], 0
    while place < len(content):
        length = int(np.frombuffer(content, "<i4", 1, place)[0])
        records.append(content[place + 4 : place + 4 + length])
        place += length + 8
    has_box = np.frombuffer(records[0], "<i4", 1, 4 + 4 * DCD_BOX)[0] != 0
    n = int(np.frombuffer(records[2], "<i4")[0])
    of_frame = 4 if has_box else 3
    coordinates = [np.frombuffer(record, "<f4") for record in records[3:]]
    axes = [coordinates[k::of_frame] for k in range(of_frame - 3, of_frame)]
    return np.stack([np.array(axis, np.float32).reshape(-1, n) for axis in axes], axis=-1)


def _read_xyz(text: str) -> np.ndarray:
    lines = text.splitlines()
    n = int(lines[0])
    beads = [line.split()[1:] for place, line in enumerate(lines) if place % (n + 2) > 1]
    return np.array(beads, np.float32).reshape(-1, n, 3)
