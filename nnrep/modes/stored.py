"""Slow modes that were computed before, kept in the user's cache by the hash of all that decides them."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnrep.energies.arrays import on_device
from nnrep.host.cache import cache_folder, warn_unwritable, write_arrays
from nnrep.modes.spectrum import SlowModes

MOST_BYTES = 2_000_000_000  # of all stored modes; those not used for longest are removed
ARRAYS = ("values", "vectors", "weights", "residuals")


class StoredModes(NamedTuple):
    """Slow modes, and the seconds that computing them took: by itself, and for compilation."""

    modes: SlowModes
    seconds: float
    compile_s: float


def modes_key(deciding: Mapping[str, Any]) -> str:
    """A hash of what decides modes: plain values by name, and the code of this package."""
    text = json.dumps({**deciding, "code": _code_hash()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def load_modes(key: str) -> StoredModes | None:
    """The modes stored under a key; None if there are none, or if they cannot be read."""
    path = stored_path(key)
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: on_device(held[name]) for name in ARRAYS}
            modes = SlowModes(
                **arrays,
                solver=str(held["solver"]),
                backbone_error=float(held["backbone_error"]),
                of=str(held["of"]),
            )
            seconds, compile_s = float(held["seconds"]), float(held["compile_s"])
        path.touch()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return StoredModes(modes, seconds, compile_s)


def save_modes(key: str, found: StoredModes) -> None:
    """Store modes under a key; where the cache cannot be written, say so once and go on."""
    path, modes = stored_path(key), found.modes
    arrays = {name: np.asarray(getattr(modes, name)) for name in ARRAYS}
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        others = {"solver": modes.solver, "backbone_error": modes.backbone_error, "of": modes.of}
        write_arrays(path, {**arrays, **others, "seconds": found.seconds, "compile_s": found.compile_s})
        _make_room(path.parent)
    except OSError as error:
        warn_unwritable(cache_folder(), error.strerror or str(error), "slow modes")


def stored_path(key: str) -> Path:
    """The file of a key."""
    return cache_folder() / "modes" / f"{key}.npz"


def _make_room(folder: Path) -> None:
    seen = [(path, path.stat()) for path in folder.glob("*.npz")]
    total = sum(stat.st_size for _, stat in seen)
    for path, stat in sorted(seen, key=lambda one: one[1].st_mtime):
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= stat.st_size


@cache
def _code_hash() -> str:
    """Of the modules that modes are made by: what they stored must not outlive a change of theirs."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for room in ("energies", "modes", "structures", "systems"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
