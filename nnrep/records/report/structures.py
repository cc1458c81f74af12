"""Where runs began and ended, as the structures that a report shows in 3D."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from nnrep.errors import UserError
from nnrep.records.run_folder import NATIVE, POSITIONS, TRAJECTORY
from nnrep.records.thinning import evenly_spaced
from nnrep.records.trajectory import read_trajectory
from nnrep.systems.measures import ANGSTROM_PER_NM

MOST_STRUCTURES = 24
MOST_FRAMES = 100
MOST_NUMBERS = 1_500_000  # coordinates in a page, about 8 MB
WIDEST = 9_000.0  # Angstrom: the columns of a PDB file hold no more
NEEDED = ("seeds", "start", "final")
ATOM = ("ATOM", "HETATM")
Scene = dict[str, Any]


def scene(label: str, folder: Path, seed: int, most_numbers: int, chain: bool = True) -> Scene | None:
    """What a run's folder has of a seed: start, end, and the native structure that they are superposed on.

    Args:
        label: of the run.
        folder: of the run.
        seed: which one.
        most_numbers: how many coordinates the scene may have.
        chain: see `scene_of`.

    Returns:
        label; `pdb`: text of the native structure, None of beads; `chain`; `parts`: start and end, as
        `packed`; `frames` and `steps` of a trajectory, if there is one. None where nothing can be shown.

    Raises:
        UserError: a file cannot be read.
    """
    path = folder / POSITIONS
    if not path.exists():
        return None
    arrays = read_arrays(path, NEEDED)
    if seed not in arrays["seeds"]:
        return None
    place = list(arrays["seeds"]).index(seed)
    pdb, scale = native_of(folder)
    parts = {
        name: scale * in_space(arrays[key][place]) for name, key in (("start", "start"), ("end", "final"))
    }
    frames, steps = _frames(folder, seed, arrays, most_numbers)
    return scene_of(label, pdb, parts, frames, steps, chain)


def native_of(folder: Path) -> tuple[str | None, float]:
    """The native structure of a run as PDB text, and the run's unit of length in A; None and 1 of beads."""
    native = folder / NATIVE
    return (native.read_text(encoding="utf-8"), ANGSTROM_PER_NM) if native.exists() else (None, 1.0)


def scene_of(
    label: str,
    pdb: str | None,
    parts: dict[str, np.ndarray],
    frames: np.ndarray | None = None,
    steps: Sequence[int] = (),
    chain: bool = True,
) -> Scene | None:
    """A scene, see `scene`.

    Args:
        label: of the run.
        pdb: the native structure; None of beads.
        parts: name -> positions (n, 3), in Angstrom if there is a native structure.
        frames: (f, n, 3), likewise.
        steps: of the frames.
        chain: whether beads that follow one another are joined.
    """
    shown = {name: x for name, x in parts.items() if np.all(np.abs(x) < WIDEST)}  # not so if not finite
    n = len(next(iter(parts.values())))
    if not shown or (pdb is not None and len(native_positions(pdb)) != n):
        return None
    place = _centred if pdb is None else _superposer(pdb)
    made: Scene = {
        "label": label,
        "pdb": pdb,
        "n": n,
        "chain": chain,
        "parts": {k: packed(place(x)) for k, x in shown.items()},
    }
    if frames is not None and frames.shape[1] == n and np.all(np.abs(frames) < WIDEST):
        made |= {"frames": packed(np.array([place(x) for x in frames])), "steps": list(map(int, steps))}
    return made


def packed(positions: np.ndarray) -> str:
    """Positions in single precision, as base64."""
    return base64.b64encode(np.ascontiguousarray(positions, "<f4").tobytes()).decode()


def in_space(positions: np.ndarray) -> np.ndarray:
    """Positions (..., n, d) with three coordinates each."""
    missing = 3 - positions.shape[-1]
    return np.pad(positions, [(0, 0)] * (positions.ndim - 1) + [(0, missing)])


def native_positions(pdb: str) -> np.ndarray:
    """The coordinates (n, 3) of the atoms in the text of a PDB file, in Angstrom."""
    lines = [line for line in pdb.splitlines() if line.startswith(ATOM)]
    columns = ((30, 38), (38, 46), (46, 54))
    return np.array([[float(line[a:b]) for a, b in columns] for line in lines]).reshape(-1, 3)


def _centred(positions: np.ndarray) -> np.ndarray:
    return positions - positions.mean(axis=0)


def _superposer(pdb: str) -> Any:
    """A function that moves positions (n, 3) onto the native structure, by the CA atoms."""
    import gemmi

    atoms = [line for line in pdb.splitlines() if line.startswith(ATOM)]
    chosen = [place for place, line in enumerate(atoms) if line[12:16].strip() == "CA"]
    chosen = chosen if len(chosen) > 2 else list(range(len(atoms)))
    native = [gemmi.Position(*x) for x in native_positions(pdb)[chosen]]

    def superposed(positions: np.ndarray) -> np.ndarray:
        moved = [gemmi.Position(*map(float, x)) for x in positions[chosen]]
        transform = gemmi.superpose_positions(native, moved).transform
        turned = positions @ np.array(transform.mat.tolist()).T + np.array(transform.vec.tolist())
        return turned if np.all(np.isfinite(turned)) else positions  # atoms that all lie in one place

    return superposed


def _frames(
    folder: Path, seed: int, arrays: dict[str, np.ndarray], most_numbers: int
) -> tuple[np.ndarray | None, Sequence[int]]:
    """Some of the frames of a seed, evenly spaced with the first and the last one, and their steps."""
    stem = folder / TRAJECTORY.format(seed=seed)
    path = next((path for suffix in (".dcd", ".xyz") if (path := Path(f"{stem}{suffix}")).exists()), None)
    if path is None or "frame_seeds" not in arrays:
        return None, ()
    frames, steps = read_trajectory(path), arrays["frame_steps"][arrays["frame_seeds"] == seed]
    most = min(MOST_FRAMES, most_numbers // max(1, frames[0].size)) if len(frames) else 0
    if most < 2 or len(steps) != len(frames):
        return None, ()
    kept = evenly_spaced(len(frames), most)
    return frames[kept], steps[kept]


def read_arrays(path: Path, needed: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of an archive.

    Raises:
        UserError: it cannot be read, or lacks one of those that are needed.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    lacking = [name for name in needed if name not in arrays]
    if lacking:
        raise UserError(f"{path}: holds no positions of a run, it lacks {', '.join(lacking)}")
    return arrays
