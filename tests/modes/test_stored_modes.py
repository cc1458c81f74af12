"""Modes in the cache: whole, or computed again."""

import threading

import jax.numpy as jnp
import numpy as np
import pytest

import nnrep
from nnrep.choices.settings import build
from nnrep.host.cache import warn_unwritable
from nnrep.modes import stored
from nnrep.modes.request import ModesRequest, modes_of
from nnrep.modes.settings import ModesConfig
from nnrep.modes.stored import StoredModes, found_or_computed, load_modes, modes_key, save_modes, stored_path


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path / "cache"))
    warn_unwritable.cache_clear()


@pytest.fixture(scope="module")
def modes():
    return nnrep.slow_modes(nnrep.load_system("loop", n=30), 6)


def test_what_was_stored_is_found_to_the_last_bit(modes):
    save_modes("key", StoredModes(modes._replace(backbone_error=0.01), 0.5, 0.25))
    found, *seconds = load_modes("key")
    assert seconds == [0.5, 0.25]
    assert found.solver == "dense"
    assert found.backbone_error == 0.01
    for name in ("values", "vectors", "weights", "residuals"):
        np.testing.assert_array_equal(getattr(found, name), getattr(modes, name))
    assert load_modes("other") is None


def test_files_that_are_cut_or_strange_are_not_used(modes):
    save_modes("key", StoredModes(modes, 0.5, 0.25))
    path = stored_path("key")
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        assert load_modes("key") is None
    flipped = bytearray(whole)
    flipped[whole.index(np.asarray(modes.vectors).tobytes()[:64])] ^= 0xFF
    path.write_bytes(bytes(flipped))
    assert load_modes("key") is None


def test_keys_tell_every_value_and_the_code(monkeypatch):
    keys = {modes_key({"n": 3, "seed": 0}), modes_key({"n": 3, "seed": 1}), modes_key({"n": 3, "seed": None})}
    assert len(keys) == 3
    assert modes_key({"seed": 0, "n": 3}) in keys
    monkeypatch.setattr(stored, "_code_hash", lambda: "another")
    assert modes_key({"n": 3, "seed": 0}) not in keys


@pytest.mark.parametrize(
    ("name", "modes", "around"),
    [
        ("cluster", {}, True),
        ("loop", {}, False),
        ("loop", {"noise": 0.1}, True),
        ("loop", {"of": "graph"}, False),
        ("loop", {"of": "hessian"}, True),
    ],
    ids=str,
)
def test_modes_that_are_taken_around_a_start_are_of_that_start(name, modes, around):
    request = ModesRequest(build(ModesConfig, modes), 6, {"system": name})
    first, other = (modes_of(nnrep.load_system(name, n=20, seed=seed), request) for seed in (0, 5))
    assert other[1].stored != around
    assert np.array_equal(first[0].vectors, other[0].vectors) != around


def test_cache_that_cannot_be_written_is_said_once(modes, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        save_modes("key", StoredModes(modes, 0.5, 0.25))
    assert caplog.text.count("slow modes are not kept; set NNREP_CACHE") == 1
    assert load_modes("key") is None


def test_modes_that_several_want_are_computed_by_one(modes, monkeypatch):
    looked, computed, found = [], [], []
    both_have_looked = threading.Event()

    def load(key):
        looked.append(key)
        if len(looked) == 3:  # the first one looks twice
            both_have_looked.set()
        return load_modes(key)

    def compute():
        computed.append(None)
        if len(computed) == 1:
            second.start()
            assert both_have_looked.wait(60)
        return StoredModes(modes, 0.5, 0.25)

    monkeypatch.setattr(stored, "load_modes", load)
    second = threading.Thread(target=lambda: found.append(found_or_computed("key", compute)[1]))
    assert found_or_computed("key", compute)[1] is False
    second.join(60)
    assert (len(computed), found) == (1, [True])
    assert not stored_path("key").with_suffix(".lock").exists()


def test_modes_that_could_not_be_computed_hold_nobody_up(modes):
    def fail():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        found_or_computed("key", fail)
    assert found_or_computed("key", lambda: StoredModes(modes, 0.5, 0.25))[1] is False
    assert found_or_computed("key", fail)[1] is True


def test_modes_not_used_for_longest_make_room(modes, monkeypatch):
    import os

    save_modes("first", StoredModes(modes, 0.5, 0.25))
    size = stored_path("first").stat().st_size
    monkeypatch.setattr(stored, "MOST_BYTES", int(2.5 * size))
    save_modes("second", StoredModes(modes, 0.5, 0.25))
    for age, key in ((200, "first"), (100, "second")):
        seen = stored_path(key).stat().st_mtime - age
        os.utime(stored_path(key), (seen, seen))
    assert load_modes("first") is not None  # and it is used again
    save_modes("third", StoredModes(modes, 0.5, 0.25))
    assert [load_modes(key) is not None for key in ("first", "second", "third")] == [True, False, True]


def test_modes_larger_than_the_room_are_not_kept(monkeypatch):
    monkeypatch.setattr(stored, "MOST_BYTES", 100)
    save_modes(
        "key",
        StoredModes(nnrep.SlowModes(jnp.ones(3), jnp.ones((9, 3)), jnp.ones(3), jnp.ones(3)), 0.5, 0.25),
    )
    assert not stored_path("key").exists()
