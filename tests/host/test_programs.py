"""The cache of compiled programs mends itself, and processes that start together share the work."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import pytest

import nnrep.host.programs as programs
from nnrep.host.programs import ProgramFolder, is_readable, remove_unreadable

# Compiles two programs with the cache of a folder, and prints how many were compiled and how many found.
RUN = """
import collections, sys
from pathlib import Path
import jax, jax.numpy as jnp
import numpy as np
from nnrep.host.runtime import configure_jax

seen = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **others: seen.update([event.rsplit("/", 1)[1]]))
configure_jax("float32", Path(sys.argv[1]))

@jax.jit
def first(x):
    for _ in range(40):
        x = jnp.sin(x) @ jnp.cos(x)
    return x

@jax.jit
def second(x):
    return jnp.linalg.norm(jnp.tanh(x))

x = np.ones((8, 8), np.float32)
assert np.isfinite(second(first(x)))
print(seen["cache_misses"], seen["cache_hits"])
"""


def start(folder: Path) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, "-c", RUN, str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def counts(process: subprocess.Popen) -> tuple[int, int]:
    """Programs compiled and programs found by a process of `start`."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    compiled, found = map(int, out.split())
    return compiled, found


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*-cache"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder that two processes have filled which started at once, and what it holds."""
    folder = tmp_path_factory.mktemp("programs")
    both = [counts(process) for process in [start(folder), start(folder)]]
    assert sum(compiled for compiled, _ in both) == 2  # each program once in all
    assert sum(found for _, found in both) == 2
    return folder, {path: path.read_bytes() for path in entries(folder)}


@pytest.fixture
def folder(filled):
    """The same folder, whole again: its path is part of JAX's keys, and a copy of it would not do."""
    folder, whole = filled
    for path, content in whole.items():
        path.write_bytes(content)
    return folder


def test_processes_that_start_at_once_compile_each_program_once(filled):
    folder, whole = filled
    assert len(whole) == 2
    assert counts(start(folder)) == (0, 2)


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:100], lambda content: b"not a program" * 50, lambda content: b""],
    ids=["truncated", "garbage", "empty"],
)
def test_an_unreadable_entry_is_compiled_once_more_and_then_found(folder, damage):
    path = entries(folder)[0]
    path.write_bytes(damage(path.read_bytes()))
    assert counts(start(folder)) == (1, 1)
    assert remove_unreadable(folder, is_readable) == (2, [])
    assert counts(start(folder)) == (0, 2)
    assert len(entries(folder)) == 2


def test_a_folder_that_cannot_be_written_is_read(tmp_path, monkeypatch):
    (tmp_path / "present-cache").write_bytes(b"program")
    cache = ProgramFolder(tmp_path, writable=False)
    assert cache.get("present") == b"program"
    assert cache.get("absent") is None  # at once: no program would come
    assert not (tmp_path / programs.LOCKS).exists()

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(programs, "write_whole", full)
    cache.put("absent", b"program")
    assert cache.get("absent") is None


def test_entries_are_written_whole_and_replace_others(tmp_path):
    cache = ProgramFolder(tmp_path, writable=True)
    assert cache.get("key") is None
    cache.put("key", b"one")
    cache.put("key", b"other")
    assert cache.get("key") == b"other"
    assert {path.name for path in tmp_path.iterdir()} == {"key-cache", programs.LOCKS}


def in_thread(function, *arguments) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


def test_threads_wait_for_each_others_program(tmp_path):
    cache = ProgramFolder(tmp_path, writable=True)
    assert cache.get("key") is None
    seen = []
    thread = in_thread(lambda: seen.append(cache.get("key")))
    time.sleep(0.2)
    assert seen == []
    cache.put("key", b"program")
    thread.join(timeout=30)
    assert seen == [b"program"]


def test_a_failed_compilation_holds_nobody(tmp_path):
    cache = ProgramFolder(tmp_path, writable=True)
    in_thread(cache.get, "of a thread that has ended").join(timeout=30)
    assert cache.get("of a thread that has ended") is None
    assert cache.get("another") is None  # gives the first one free
    seen = []
    in_thread(lambda: seen.append(cache.get("of a thread that has ended"))).join(timeout=30)
    assert seen == [None]


def test_waiting_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "LONGEST_WAIT_S", 0.1)
    cache = ProgramFolder(tmp_path, writable=True)
    assert cache.get("key") is None
    seen = []
    in_thread(lambda: seen.append(cache.get("key"))).join(timeout=30)
    assert seen == [None]


def test_a_killed_process_holds_nobody(tmp_path):
    code = "import sys, time; from pathlib import Path; from nnrep.host.programs import ProgramFolder\n"
    code += "cache = ProgramFolder(Path(sys.argv[1]), True); cache.get('key')\n"
    code += "print('holds', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        cache, seen = ProgramFolder(tmp_path, writable=True), []
        thread = in_thread(lambda: seen.append(cache.get("key")))
        time.sleep(0.2)
        assert seen == []
        process.kill()
        thread.join(timeout=30)
    assert seen == [None]


def test_lock_files_are_few(tmp_path):
    cache = ProgramFolder(tmp_path, writable=True)
    for number in range(2 * programs.LOCK_FILES):
        cache.get(f"key{number}")
    assert len(list((tmp_path / programs.LOCKS).iterdir())) <= programs.LOCK_FILES


def test_unreadable_entries_are_named_and_removed(folder):
    damaged, whole = entries(folder)
    damaged.write_bytes(b"")
    assert remove_unreadable(folder, is_readable) == (1, [damaged.name])
    assert entries(folder) == [whole]


def test_jax_keeps_programs_itself_where_it_has_no_place_for_ours(tmp_path, monkeypatch):
    from jax._src import compilation_cache

    monkeypatch.delattr(compilation_cache, "get_file_cache")
    before = jax.config.jax_compilation_cache_dir
    try:
        programs.keep_programs(tmp_path)
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert not hasattr(compilation_cache, "get_file_cache")
