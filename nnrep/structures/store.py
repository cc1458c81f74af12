"""Texts that take long to make (prepared molecules, their systems, unfolded starts), kept in the cache."""

import hashlib
from pathlib import Path

from nnrep.host.cache import cache_folder, warn_unwritable, write_whole

# The first line of a stored file; a PDB file stays one.
CHECKSUM = "REMARK   nnrep sha256 "
PDB, XML = ".pdb", ".xml"  # suffixes


def load(kind: str, key: str, suffix: str = PDB) -> str | None:
    """The text stored under a key; None if there is none, or if it is not as it was saved.

    Args:
        kind: what it is ("prepared", "unfolded"): the folder in the cache.
        key: what it was made from and how, as a name of a file without a suffix: a hash.
        suffix: of its file.
    """
    try:
        content = stored_path(kind, key, suffix).read_bytes()
    except OSError:
        return None
    first, _, body = content.partition(b"\n")
    return body.decode() if first == _checksum_line(body) else None


def save(kind: str, key: str, text: str, suffix: str = PDB) -> None:
    """Store a text under a key; where the cache cannot be written, say so once and go on.

    Args:
        kind: as for `load`.
        key: as for `load`.
        text: what is stored.
        suffix: as for `load`.
    """
    path, body = stored_path(kind, key, suffix), text.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _checksum_line(body) + b"\n" + body)
    except OSError as error:
        warn_unwritable(cache_folder(), error.strerror or str(error), "prepared structures")


def stored_path(kind: str, key: str, suffix: str = PDB) -> Path:
    """The file of a key."""
    return cache_folder() / kind / f"{key}{suffix}"


def _checksum_line(body: bytes) -> bytes:
    return f"{CHECKSUM}{hashlib.sha256(body).hexdigest()}".encode()
