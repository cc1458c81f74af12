"""Results as extended XYZ files, which ASE and most programs of its kind read."""

import io
from os import PathLike
from pathlib import Path

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from nnrep.ase.calculator import Calculator
from nnrep.ase.convert import to_atoms
from nnrep.errors import UserError, require_kind
from nnrep.host.cache import write_whole
from nnrep.minimization.result import Result
from nnrep.systems.system import System


def write_extxyz(
    path: str | PathLike[str],
    system: System,
    result: Result,
    *,
    like: ase.Atoms | None = None,
    overwrite: bool = False,
) -> None:
    """Write a result as extended XYZ: positions in Angstrom, energy in eV, forces in eV/Angstrom.

    With recorded frames each of them is a configuration, else the end of each seed is one. Each has `seed`,
    and `step` or `status`, beside its energy. ``ase.io.read(path, ":")`` reads them all.

    Args:
        path: the file.
        system: that was minimised.
        result: of it.
        like: see `to_atoms`.
        overwrite: replace a file that is there.

    Raises:
        UserError: there is such a file, or it cannot be written.
    """
    require_kind(result, Result, "result", "a nnrep.Result")
    file = Path(path)
    if file.exists() and not overwrite:
        raise UserError(f"{file}: exists; choose another file, or overwrite=True")
    calculator, text = Calculator(system), io.StringIO()
    images = [_image(calculator, positions, info, like) for positions, info in _configurations(result)]
    write(text, images, format="extxyz")
    try:
        write_whole(file, text.getvalue().encode())
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror or error})") from error


def _configurations(result: Result) -> list[tuple[np.ndarray, dict[str, int | str]]]:
    """Positions (n, d), and what is said of them."""
    if result.frames is not None:
        kept = zip(result.frames.positions, result.frames.seed, result.frames.step, strict=True)
        return [(positions, {"seed": int(seed), "step": int(step)}) for positions, seed, step in kept]
    ended = zip(result.positions, result.seeds, result.status, strict=True)
    return [(positions, {"seed": seed, "status": status.name}) for positions, seed, status in ended]


def _image(
    calculator: Calculator, positions: np.ndarray, info: dict[str, int | str], like: ase.Atoms | None
) -> ase.Atoms:
    atoms = to_atoms(calculator.system, positions, like)
    calculator.calculate(atoms)
    known = {name: calculator.results[name] for name in ("energy", "forces")}
    atoms.info = dict(info)
    atoms.calc = SinglePointCalculator(atoms, **known)
    return atoms
