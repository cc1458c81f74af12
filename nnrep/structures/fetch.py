"""Entries from the Protein Data Bank."""

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from nnrep.errors import ConfigError, UserError
from nnrep.host.cache import write_whole
from nnrep.host.terminal import log
from nnrep.structures.parse import parse, unpacked

ADDRESS = "https://files.rcsb.org/download/{entry}.cif.gz"
TIMEOUT_S = 20  # of the whole download
MAX_BYTES = 200_000_000
PIECE_BYTES = 1 << 16


class UnavailableError(UserError):
    """An entry that is not on this machine, and cannot be had from the network either."""


def fetch(entry: str, path: Path, looked: str) -> tuple[bytes, str]:
    """An entry as mmCIF text, and its address; kept for later where the cache can be written.

    Args:
        entry: its four letters, in upper case.
        path: the file in which it is kept, gzipped.
        looked: where it was looked for before, for errors.

    Raises:
        UnavailableError: no network.
        UserError: no such entry, or what came is no structure.
    """
    address = ADDRESS.format(entry=entry)
    packed = _download(entry, address, looked)
    data = unpacked(packed, address)
    parse(data, address)
    log().info("fetched %s", address)
    _keep(path, packed)
    return data, address


def _download(entry: str, address: str, looked: str) -> bytes:
    deadline = time.monotonic() + TIMEOUT_S
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as reply:
            content = b""
            while piece := reply.read1(PIECE_BYTES):
                content += piece
                if time.monotonic() > deadline or len(content) > MAX_BYTES:
                    raise TimeoutError(f"more than {TIMEOUT_S} s or {MAX_BYTES // 10**6} MB")
            wanted = reply.headers.get("Content-Length")
            if wanted is not None and len(content) < int(wanted):
                raise http.client.IncompleteRead(content)
            return content
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code == http.client.NOT_FOUND:
            reason = f"there is no entry {entry} in the Protein Data Bank ({address}), nor a file in {looked}"
            raise ConfigError("system.pdb", reason) from error
        why = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        raise UnavailableError(
            f"{entry}: no file in {looked}, and {address} cannot be fetched ({why}); say where the file is "
            "with paths.structures=[DIR], the variable NNREP_STRUCTURES=DIR, or system.pdb=FILE"
        ) from error


def _keep(path: Path, packed: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, packed)
    except OSError as error:
        why = error.strerror or str(error)
        log().warning("%s cannot be written (%s): the fetched entry is not kept; set NNREP_CACHE", path, why)
