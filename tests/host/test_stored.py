"""`stored`: programs are kept whole, and found again without a trace."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

import nnrep.host.stored
from nnrep import load_system
from nnrep.errors import UserError
from nnrep.host.naming import KNOWN
from nnrep.host.programs import keep_programs
from nnrep.host.stored import EVENT, WHOLE, StoredFunction, is_whole, keep_whole_programs
from nnrep.minimization.exact import _evaluate as evaluate
from nnrep.minimization.exact import rms
from nnrep.systems.measures import superposed
from nnrep.systems.system import System

MAPS = Path("/proc/self/maps")


def loop(n: int = 30, potential: str = "bond_lj") -> System:
    return load_system("loop", n=n, loop_length=5, potential=potential)


@pytest.fixture
def kept(tmp_path) -> Iterator[Path]:
    """A folder in which programs are kept."""
    keep_whole_programs(tmp_path)
    yield tmp_path / WHOLE
    keep_whole_programs(None)


@pytest.fixture
def events() -> Iterator[list[str]]:
    """What JAX has traced, compiled and loaded."""
    seen: list[str] = []

    def note(event: str, seconds: float, **more: object) -> None:
        seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    yield seen
    jax.monitoring.unregister_event_duration_listener(note)


def anew(function: StoredFunction) -> StoredFunction:
    """The same function as another process has it: with nothing traced or compiled."""
    jax.clear_caches()
    return StoredFunction(function._function, **function._options)


def entries(folder: Path) -> list[Path]:
    """Programs of `evaluate`: systems have some of their own."""
    return sorted(folder.glob("_evaluate-*-cache"))


def test_a_kept_program_gives_the_same_bits_without_a_trace(kept, events):
    system = loop()
    arguments = (system.energy, system.start(3), 30)
    first = jax.tree.map(np.asarray, anew(evaluate)(*arguments))
    assert "/jax/core/compile/backend_compile_duration" in events
    assert len(entries(kept)) == 1
    again = anew(evaluate)
    events.clear()
    second = jax.tree.map(np.asarray, again(*arguments))
    assert events.count(EVENT) == 1
    assert "/jax/core/compile/backend_compile_duration" not in events
    np.testing.assert_array_equal(first, second)
    events.clear()
    keep_whole_programs(kept.parent)  # as every job of a sweep says
    again(*arguments)
    assert not events  # loaded once in a process


def test_other_shapes_types_and_functions_are_other_programs(kept):
    systems = [loop(n, kind) for n, kind in ((30, "bond_lj"), (31, "bond_lj"), (30, "pure_lj"))]
    for count, system in enumerate(systems, 1):
        evaluate(system.energy, system.start(0), system.n)
        assert len(entries(kept)) == count
    evaluate(systems[0].energy, np.float32(systems[0].start(0)), systems[0].n)
    assert len(entries(kept)) == 4


def test_a_program_that_calls_lapack_can_be_loaded(kept):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 8, 3))
    function = StoredFunction(superposed.__wrapped__)
    expected = np.asarray(function(x, y, None))
    np.testing.assert_array_equal(anew(function)(x, y, None), expected)


@pytest.mark.parametrize(
    "spoil",
    [lambda content: content[:-7], lambda content: b"", lambda content: content[:50] + b"?" + content[51:]],
)
def test_an_entry_that_is_not_whole_is_replaced(kept, spoil):
    system = loop()
    arguments = (system.energy, system.start(0), 30)
    expected = evaluate(*arguments)
    (entry,) = entries(kept)
    spoilt = spoil(entry.read_bytes())
    assert not is_whole(spoilt)
    entry.write_bytes(spoilt)
    np.testing.assert_array_equal(anew(evaluate)(*arguments), expected)
    assert is_whole(entry.read_bytes())


def test_a_users_own_function_is_compiled_and_not_kept(kept):
    energy = Partial(lambda positions: (positions**2).sum())
    value, rms = evaluate(energy, np.ones((4, 3)), 4)
    assert (value, rms) == (12, 2)
    assert not entries(kept)


def test_what_jax_took_from_its_own_cache_is_not_kept_in_its_place(kept, tmp_path):
    """A program that was loaded cannot be written once more: it would lack its code."""
    own = tmp_path / "own"
    own.mkdir()
    keep_programs(own)
    system = loop(32)
    arguments = (system.energy, system.start(0), 32)
    jax.jit(evaluate._function, **evaluate._options)(*arguments)
    expected = anew(evaluate)(*arguments)
    np.testing.assert_array_equal(anew(evaluate)(*arguments), expected)


def test_shapes_are_kept(kept, events):
    system = loop()
    shapes = anew(evaluate).shapes(system.energy, system.positions, 30)
    assert [shape.shape for shape in shapes] == [(), ()]
    again = anew(evaluate)
    events.clear()
    assert again.shapes(system.energy, system.positions, 30) == shapes
    assert not events


def test_inside_another_program_it_is_a_part_of_it(kept):
    function = StoredFunction(rms)
    assert jax.jit(lambda x: function(2 * x, 2))(np.ones((2, 3))) == 2
    assert list(kept.glob("*-cache")) == []


def test_threads_that_ask_for_one_program_compile_it_once(kept, events):
    system = loop()
    functions = [anew(evaluate) for _ in range(3)]
    events.clear()
    threads = [
        threading.Thread(target=each, args=(system.energy, system.positions, 30)) for each in functions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events.count("/jax/core/compile/backend_compile_duration") == 1


def test_a_program_that_would_not_fit_is_refused_before_it_runs(kept, monkeypatch):
    """New, and found again."""

    def squares(x: jax.Array) -> jax.Array:
        return jnp.linalg.eigvalsh(jnp.sin(x[:, None] * x[None, :]))

    squares.__qualname__, squares.__module__ = "summed", summed.__module__
    monkeypatch.setattr(sys.modules[__name__], "summed", squares)
    monkeypatch.setattr("nnrep.host.naming.KNOWN", {*KNOWN, __name__.partition(".")[0]})
    for free, seen in ((10**6, "new"), (10**9, "kept"), (10**6, "found again")):
        monkeypatch.setattr("nnrep.host.memory.free_memory", lambda free=free: free)
        function = StoredFunction(squares)
        if free == 10**9:
            assert function(np.ones(1000)).shape == (1000,), seen
            continue
        with pytest.raises(UserError, match=r"^system: the program summed would take .* are free"):
            function(np.ones(1000))
        nnrep.host.stored._held.clear()


def summed(x: jax.Array) -> jax.Array:
    return x


@pytest.mark.skipif(not MAPS.exists(), reason="counts memory maps by /proc")
def test_a_process_that_meets_many_shapes_does_not_run_out_of_memory_maps(kept, monkeypatch):
    """Linux allows 65 530; a process that wants more crashes."""
    monkeypatch.setattr(nnrep.host.stored, "HELD", 3)

    def maps_after(sizes: range) -> int:
        for n in sizes:
            system = loop(n)
            evaluate(system.energy, system.start(0), n)
        return len(MAPS.read_text().splitlines())

    nnrep.host.stored._held.clear()
    before, few = maps_after(range(20, 20)), maps_after(range(20, 26))
    many = maps_after(range(26, 50))
    assert few > before
    assert many - before < 2 * (few - before)
