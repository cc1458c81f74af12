"""Compiled programs, kept in a folder for later processes: JAX's compilation cache, in JAX's own format.

JAX's own way of keeping them never mends an entry that was cut off, writes entries in place, and lets
processes that start together compile the same programs side by side. Here an entry is written under another
name first and then given its own, it replaces one that could not be read, and a process that finds another
one compiling a program waits for it.
"""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import jax
from filelock import FileLock, Timeout

from nnrep.host.cache import write_whole
from nnrep.host.terminal import log

SUFFIX = "-cache"  # JAX's, of an entry
LOCKS = "locks"  # folder of lock files
# A key's lock is one of so many files: they need not be removed, which would race with those who wait.
LOCK_FILES = 256
LONGEST_WAIT_S = 120.0  # for a program that another process compiles
POLL_S = 0.02


class ProgramFolder:
    """A folder of compiled programs, with the two methods that JAX calls.

    JAX calls `put` after each compilation, and compiles where `get` finds nothing or what cannot be read: a
    new entry therefore always replaces the old one. A thread that finds nothing holds the program's lock
    until its `put`, or until its next `get` where the compilation failed; the lock of a dead process is free.
    As no thread waits while it holds a lock, none waits for ever.
    """

    def __init__(self, folder: Path, writable: bool) -> None:
        """Nothing is read yet; without write access nobody waits, as no entry would come."""
        self._path = folder  # JAX reads it for its messages
        self._locks = folder / LOCKS if writable else None
        self._held = threading.local()

    def get(self, key: str) -> bytes | None:
        """The entry of a key, waiting for it while another process compiles it; None if there is none."""
        if _bypassed.get():
            return None
        self.release()  # of a program whose compilation failed
        entry = self._read(key)
        if entry is None and self._acquire(key):
            entry = self._read(key)  # whoever held the lock has written it
            if entry is not None:
                self.release()
        return entry

    def put(self, key: str, value: bytes) -> None:
        """Write an entry, in place of one that cannot be read; what cannot be written is not kept."""
        if _bypassed.get():
            return
        try:
            write_whole(self._entry(key), value)
        except OSError as error:
            log().debug("%s", error)
        finally:
            self.release()

    def _entry(self, key: str) -> Path:
        return self._path / f"{key}{SUFFIX}"

    def _read(self, key: str) -> bytes | None:
        try:
            return self._entry(key).read_bytes()
        except OSError:
            return None

    def _acquire(self, key: str) -> bool:
        """Whether this thread holds the key's lock now; without it, it compiles all the same."""
        if self._locks is None:
            return False
        name = f"{zlib.crc32(key.encode()) % LOCK_FILES:03}.lock"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._locks / name, thread_local=False)
            lock.acquire(timeout=LONGEST_WAIT_S, poll_interval=POLL_S)
        except (Timeout, OSError, NotImplementedError) as error:  # some file systems have no locks
            log().debug("%s is compiled without its lock: %s", key, error)
            return False
        self._held.lock = lock
        return True

    def release(self) -> None:
        """Let others go on who wait for a program that this thread was to make."""
        lock: FileLock | None = getattr(self._held, "lock", None)
        self._held.lock = None
        if lock is not None:
            with suppress(OSError):
                lock.release()


_bypassed: ContextVar[bool] = ContextVar("bypassed", default=False)


@contextmanager
def compiled_afresh() -> Iterator[None]:
    """While entered, this thread's compilations neither read what is kept nor add to it."""
    before = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(before)


def keep_programs(folder: Path, writable: bool = True) -> bool:
    """Let JAX keep its compiled programs in a folder, all of them.

    Args:
        folder: an existing one.
        writable: whether new programs may be added.

    Returns:
        Whether by a `ProgramFolder`; otherwise by JAX's own means.
    """
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return _use_program_folder(folder, writable)


# Path of a folder, as JAX has it -> what JAX is to use for it.
_folders: dict[str, ProgramFolder] = {}


def _use_program_folder(folder: Path, writable: bool) -> bool:
    """Put `ProgramFolder` where JAX makes the cache of this folder; False where that cannot be.

    JAX has no public way to do so: `get_file_cache` is what it calls, once, before it first compiles.
    """
    try:
        from jax._src import compilation_cache

        jax_cache: Callable[[str], Any] = compilation_cache.get_file_cache
        limited = getattr(jax.config, "jax_compilation_cache_max_size", -1) != -1
    except (ImportError, AttributeError) as error:
        log().debug("compiled programs are kept by JAX's own means: %s", error)
        return False
    if limited:  # by the user; JAX's own knows how to drop entries
        return False
    _folders[str(folder)] = ProgramFolder(folder, writable)
    if jax_cache.__module__ == __name__:  # done before
        return True

    def file_cache(path: str) -> Any:
        return (_folders[path], path) if path in _folders else jax_cache(path)

    compilation_cache.get_file_cache = file_cache
    return True


def is_readable(content: bytes) -> bool:
    """Whether an entry of JAX's cache can be read."""
    try:
        from jax._src.compilation_cache import decompress_executable
    except ImportError:  # JAX keeps them in another way
        return True
    try:
        decompress_executable(content)
    except Exception:  # of whatever library decompresses
        return False
    return True


def remove_unreadable(folder: Path, readable: Callable[[bytes], bool]) -> tuple[int, list[str]]:
    """How many entries of a folder can be read, and the names of those that could not and are removed now."""
    count, removed = 0, []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if readable(path.read_bytes()):
            count += 1
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                removed.append(path.name)
    return count, removed
