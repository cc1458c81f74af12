"""Whether the native basin is the lowest: minima that were met, in several force fields and solvents."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from folding.problem import FOLDED, Problem, explore_config
from folding.problem_names import force_field_name
from nnrep.errors import UserError
from nnrep.exploration.quench import quench_stages
from nnrep.minimization import lbfgs
from nnrep.records.run_folder import POSITIONS

RMS_FORCE = 0.5  # kJ/mol/nm, at which energies are right to about 0.1 kJ/mol
STEPS = 5000
LOWEST = 20  # minima of a folder of nnrep explore, which has them in order


def energy_study(
    problems: Iterable[tuple[str, str, Problem]], folders: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """A row for each force field and solvent.

    Args:
        problems: force field, solvent, and a molecule with both, from its native structure.
        folders: of `nnrep explore`, of which the `LOWEST` minima are taken, or of searches; each minimum is
            minimised again, as it is and annealed.

    Raises:
        UserError: a folder has no minima, or those of another molecule; a molecule has too few CA atoms.
    """
    for force_field, solvent, problem in problems:
        if "rmsd_ca" not in problem.shape.of_positions(_native(problem)):
            raise UserError("--pdb: expected three CA atoms or more, without which no minimum is native")
        minima = pd.DataFrame(_minimised(problem, folders))
        near = minima["rmsd_ca"] < FOLDED
        yield {
            "force_field": force_field_name(force_field),
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
    starts = [(True, _native(problem))]
    starts += [
        (False, system.from_file_frame(each)) for folder in folders for each in _minima(folder, system.n)
    ]
    for place, (is_native, start) in enumerate(starts):
        one = problem.quench(start, stages)
        lower = problem.quench(problem.annealed(one.positions), stages)
        for minimum, as_it_is in ((one, is_native), (lower, False)):
            shape = problem.shape.of_positions(minimum.positions)
            yield {"start": place, "native": as_it_is, "energy": minimum.energy, **shape}


def _native(problem: Problem) -> np.ndarray:
    """The native structure (n, 3), at which the problem starts, without dummies."""
    return np.asarray(problem.system.positions)[: problem.system.n]


def _minima(folder: Path, n: int) -> list[np.ndarray]:
    """The lowest minima (n, 3) of a folder, or of its searches, in the frame of the molecule's file."""
    path = folder / POSITIONS
    if path.is_file():
        with np.load(path) as arrays:
            minima = list(arrays["minima"][:LOWEST]) if "minima" in arrays else []
    elif paths := sorted(folder.glob("*.npy")):
        minima = [minimum for each in paths if len(minimum := np.load(each))]  # a search may have met none
    else:
        raise UserError(
            f"{path}: no such file; expected a folder of nnrep explore, or of scripts/bench_folding run"
        )
    if not minima:
        raise UserError(f"{folder}: has no minima; leave it out of --minima")
    for minimum in minima:
        if minimum.shape != (n, 3):
            raise UserError(
                f"{folder}: holds minima of another molecule: expected {n} atoms, got an array of shape "
                f"{minimum.shape}"
            )
    return minima


def _lowest(minima: pd.DataFrame, name: str) -> dict[str, float]:
    """Energy and RMSD of the lowest; not numbers where there is none."""
    if minima.empty:
        return {f"{name}_energy": np.nan, f"{name}_rmsd_ca": np.nan}
    best = minima.loc[minima["energy"].idxmin()]
    return {f"{name}_energy": best["energy"], f"{name}_rmsd_ca": best["rmsd_ca"]}
