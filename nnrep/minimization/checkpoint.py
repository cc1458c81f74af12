"""The state of an unfinished run, in one NumPy archive."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from nnrep.errors import UserError
from nnrep.host.cache import write_arrays


def save_checkpoint(path: Path, snapshot: dict[str, Any]) -> None:
    """Write a snapshot of numbers, arrays and lists of arrays; a crash leaves the last one whole."""
    arrays: dict[str, Any] = {}
    for name, value in snapshot.items():
        if isinstance(value, list):
            arrays |= {f"{name}/{index}": np.asarray(item) for index, item in enumerate(value)}
            arrays[f"{name}/count"] = np.asarray(len(value))
        else:
            arrays[name] = np.asarray(value)
    write_arrays(path, arrays)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The snapshot that `save_checkpoint` wrote.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        return _unflatten(arrays)
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable checkpoint ({error}); remove it to start again") from error


def _unflatten(arrays: dict[str, Any]) -> dict[str, Any]:
    snapshot: dict[str, Any] = {}
    for name, array in arrays.items():
        stem, _, part = name.partition("/")
        if part == "count":
            snapshot[stem] = [arrays[f"{stem}/{index}"] for index in range(int(array))]
        elif not part:
            snapshot[name] = array
    return snapshot
