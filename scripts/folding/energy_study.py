"""Whether the native basin is the lowest: minima that were met, in several force fields and solvents."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from folding.problem import FOLDED, Problem, explore_config
from nnrep.errors import UserError
from nnrep.exploration.quench import quench_stages
from nnrep.minimization import lbfgs
from nnrep.records.run_folder import POSITIONS

RMS_FORCE = 0.5  # kJ/mol/nm, at which energies are right to about 0.1 kJ/mol
STEPS = 5000
LOWEST = 20  # minima of a folder of nnrep explore, which has them in order


def study_path(folder: Path, pdb: str) -> Path:
    """Of the table of a molecule."""
    return folder / f"energies-{Path(pdb).stem}.csv"


def energy_study(
    problems: Iterable[tuple[str, str, Problem]], folders: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """A row for each force field and solvent.

    Args:
        problems: force field, solvent, and a molecule with both, from its native structure.
        folders: of `nnrep explore`, of which the `LOWEST` minima are taken, or of searches; each minimum is
            minimised again, as it is and annealed.

    Raises:
        UserError: a folder has no minima, or those of another molecule.
    """
    for force_field, solvent, problem in problems:
        minima = pd.DataFrame(_minimised(problem, folders))
        near = minima["rmsd_ca"] < FOLDED
        yield {
            "force_field": Path(force_field).stem,
            "solvent": solvent,
            "minima": minima["start"].nunique(),
            **_lowest(minima[minima["native"]], "native"),
            **_lowest(minima[near], "near"),
            **_lowest(minima[~near], "elsewhere"),
        }


def _minimised(problem: Problem, folders: Sequence[Path]) -> Iterator[dict[str, Any]]:
    config = explore_config(quench={"rms_force": RMS_FORCE, "steps": STEPS}).quench
    system = problem.system
    stages = quench_stages(config, system.energy_unit, lbfgs())
    starts = [(True, np.asarray(system.positions)[: system.n])]
    starts += [
        (False, system.from_file_frame(each)) for folder in folders for each in _minima(folder, system.n)
    ]
    for place, (is_native, start) in enumerate(starts):
        one = problem.quench(start, stages)
        lower = problem.quench(problem.annealed(one.positions), stages)
        for minimum, as_it_is in ((one, is_native), (lower, False)):
            shape = problem.shape.of_positions(minimum.positions)
            yield {"start": place, "native": as_it_is, "energy": minimum.energy, **shape}


def _minima(folder: Path, n: int) -> np.ndarray:
    """The lowest minima (k, n, 3) of a folder, or of its searches, in the frame of the molecule's file."""
    path = folder / POSITIONS
    if path.is_file():
        with np.load(path) as arrays:
            minima = arrays["minima"][:LOWEST]
    elif paths := sorted(folder.glob("*.npy")):
        minima = np.stack([np.load(each) for each in paths])
    else:
        raise UserError(
            f"{path}: no such file; expected a folder of nnrep explore, or of scripts/bench_folding run"
        )
    if minima.ndim != 3 or minima.shape[1] != n:
        raise UserError(
            f"{path}: holds minima of another molecule: expected {n} atoms, found {minima.shape[1:]}"
        )
    return minima


def _lowest(minima: pd.DataFrame, name: str) -> dict[str, float]:
    """Energy and RMSD of the lowest; not numbers where there is none."""
    if minima.empty:
        return {f"{name}_energy": np.nan, f"{name}_rmsd_ca": np.nan}
    best = minima.loc[minima["energy"].idxmin()]
    return {f"{name}_energy": best["energy"], f"{name}_rmsd_ca": best["rmsd_ca"]}
