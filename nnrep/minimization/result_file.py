"""A `Result` in one file: a NumPy archive whose names are those of the attributes."""

import os
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nnrep.errors import AsCode, UserError, require
from nnrep.host.cache import write_arrays
from nnrep.minimization.history import as_array
from nnrep.minimization.result import Frames, Result
from nnrep.minimization.stopping import Status

FORMAT = "nnrep.Result 1"
HISTORY, FRAMES = "history", "frames"
TEXTS = ("name", "energy_unit", "length_unit")


def save_result(result: Result, path: str | PathLike[str], overwrite: bool) -> None:
    """See `Result.save`."""
    file = _file(path)
    if file.exists() and not overwrite:
        raise UserError(f"{file}: exists; choose another file, or overwrite=True")
    try:
        write_arrays(file, _arrays(result))
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror or error})") from error


def load_result(path: str | PathLike[str]) -> Result:
    """See `Result.load`."""
    file = _file(path)
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # of whatever reads a file that may hold anything
        raise UserError(f"{file}: is no NumPy archive, or not a whole one ({error})") from error
    if str(arrays.get("format")) != FORMAT:
        held = arrays.get("format", "another NumPy archive")
        raise UserError(f"{file}: must be a file that Result.save of this nnrep wrote, got {held}")
    try:
        return _result(arrays)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{file}: is not a whole result ({error})") from error


def _file(path: str | PathLike[str]) -> Path:
    require(isinstance(path, str | os.PathLike), "path", "the name of a file", AsCode(path))
    return Path(path)


def _arrays(result: Result) -> dict[str, np.ndarray]:
    values = {field.name: getattr(result, field.name) for field in fields(Result)}
    table, frames = values.pop(HISTORY), values.pop(FRAMES)
    values["status"] = [status.name for status in result.status]
    values["stages"] = np.asarray(result.stages, str)
    arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
    arrays |= {"format": np.asarray(FORMAT), HISTORY: np.asarray(list(table.columns), str)}
    if len(table):
        arrays |= {f"{HISTORY}/{at}": as_array(table[name]) for at, name in enumerate(table.columns)}
    if frames is not None:
        arrays |= {f"{FRAMES}/{name}": np.asarray(each) for name, each in frames._asdict().items()}
    return arrays


def _result(arrays: dict[str, np.ndarray]) -> Result:
    import pandas as pd  # its table is a part of what is loaded

    names = [str(name) for name in arrays[HISTORY]]
    places = [f"{HISTORY}/{at}" for at in range(len(names))]
    has_rows = any(place in arrays for place in places)
    columns = dict(zip(names, [arrays[place] for place in places], strict=True)) if has_rows else {}
    frames = [arrays.get(f"{FRAMES}/{name}") for name in Frames._fields]
    others: dict[str, Any] = {
        field.name: arrays.get(field.name) if field.name == "positions_coarse" else arrays[field.name]
        for field in fields(Result)
        if field.name not in (HISTORY, FRAMES)
    }
    others |= {name: str(others[name]) for name in TEXTS}
    others["seeds"] = tuple(arrays["seeds"].tolist())
    others["status"] = tuple(Status[name] for name in arrays["status"].tolist())
    others["stages"] = tuple(arrays["stages"].tolist())
    others["time_earlier_s"] = float(arrays["time_earlier_s"])
    _check_lengths(others)
    table = pd.DataFrame(columns or None, columns=names)
    return Result(**others, history=table, frames=None if frames[0] is None else Frames(*frames))  # type: ignore[arg-type]


def _check_lengths(values: dict[str, Any]) -> None:
    """Raise `ValueError` for what should be one for each seed and is not."""
    count = len(values["seeds"])
    for name, value in values.items():
        single = isinstance(value, str | float) or value is None or name == "stages"
        if not single and len(value) != count:
            raise ValueError(f"{name} has {len(value)} entries, and there are {count} seeds")
