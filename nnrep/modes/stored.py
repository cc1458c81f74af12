"""Slow modes that were computed before, kept in the user's cache by the hash of all that decides them."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from nnrep.energies.arrays import on_device
from nnrep.host.cache import cache_folder, warn_unwritable, write_arrays
from nnrep.host.terminal import log
from nnrep.modes.spectrum import SlowModes

MOST_BYTES = 2_000_000_000  # of all stored modes; those not used for longest are removed
ARRAYS = ("values", "vectors", "weights", "residuals")
LONGEST_WAIT_S = 3600.0  # for modes that another process computes
POLL_S = 0.1


class StoredModes(NamedTuple):
    """Slow modes, and the seconds that computing them took: by itself, and for compilation."""

    modes: SlowModes
    seconds: float
    compile_s: float


def modes_key(deciding: Mapping[str, Any]) -> str:
    """A hash of what decides modes: plain values by name, and the code of this package."""
    text = json.dumps({**deciding, "code": _code_hash()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def found_or_computed(key: str, compute: Callable[[], StoredModes]) -> tuple[StoredModes, bool]:
    """Modes, and whether they were stored: several processes that want the same let one compute them.

    Args:
        key: of the modes.
        compute: what gives them; they are stored then.
    """
    stored = load_modes(key)
    if stored is not None:
        return stored, True
    with _held(key):
        stored = load_modes(key)  # whoever held it has stored them
        if stored is not None:
            return stored, True
        computed = compute()
        save_modes(key, computed)
        return computed, False


@contextmanager
def _held(key: str) -> Iterator[None]:
    """Wait for other processes that hold a key; where there are no locks, nobody waits.

    A process that ends, however it does, holds nothing any more.
    """
    path = stored_path(key).with_suffix(".lock")
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LONGEST_WAIT_S, poll_interval=POLL_S)
    except (Timeout, OSError, NotImplementedError) as error:
        log().debug("modes are computed without their lock: %s", error)
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):
                path.unlink()  # while it is held: whoever has opened it begins anew
            lock.release()


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
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    with suppress(OSError):  # of a cache that can only be read
        path.touch()
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
    seen = []
    for path in folder.glob("*.npz"):
        with suppress(FileNotFoundError):  # another process has just made room
            seen.append((path, path.stat()))
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
