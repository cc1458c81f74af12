"""The user's cache folder, and files that are whole or not there."""

import io
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from nnrep.host.terminal import log

PROBE_BYTES = 100_000


def cache_folder() -> Path:
    """The user's cache folder for nnrep; NNREP_CACHE names another, in which ~ is the home folder."""
    chosen = os.environ.get("NNREP_CACHE")
    return Path(os.path.expanduser(chosen)) if chosen else user_cache_path("nnrep")


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-{secrets.token_hex(8)}"  # processes of two containers may have one number
        write_whole(probe, bytes(PROBE_BYTES))  # a full disk would still take an empty file
        probe.unlink(missing_ok=True)
    except OSError:
        return False
    return True


@cache
def warn_unwritable(folder: Path, reason: str, what: str) -> None:
    """Say, once, that things are not kept: "prepared structures"."""
    log().warning("%s cannot be written (%s): %s are not kept; set NNREP_CACHE", folder, reason, what)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then give it its own: readers never see half of it.

    Raises:
        OSError: it cannot be written; the error names the file, and nothing is left behind.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        _remove(unfinished)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:  # interrupted
        _remove(unfinished)
        raise


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write a NumPy archive as `write_whole` does."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getvalue())


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # its folder is no folder: the file was never there
        return
