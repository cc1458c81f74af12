"""What one does with a result: save and load it, look at it, make a table and a picture of it."""

import io
import zipfile
from dataclasses import fields, replace
from functools import cache

import jax
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import nnrep
from nnrep.errors import ConfigError, UserError
from nnrep.minimization.result import Frames

Status = nnrep.Status


@cache
def through_modes():
    """A result that has everything: stages, frames, several seeds."""
    system = replace(nnrep.load_system("loop", n=20, loop_length=5), energy_unit="kJ/mol", length_unit="nm")
    stages = nnrep.two_stages(nnrep.reparam.linear(nnrep.slow_modes(system, k=5)))
    monitor = nnrep.Monitor(record_every=40)
    return nnrep.minimize(system, stages, seeds=[3, 1], max_steps=120, monitor=monitor)


@cache
def without_steps():
    return nnrep.minimize(nnrep.load_system("loop", n=20, loop_length=5), max_steps=0)


def single_precision():
    jax.config.update("jax_enable_x64", False)
    return nnrep.minimize(nnrep.load_system("loop", n=20, loop_length=5), max_steps=40)


def diverged():
    whole = through_modes()
    return replace(whole, status=(Status.diverged, Status.finished), energy=np.array([np.nan, -np.inf]))


RESULTS = [through_modes, without_steps, single_precision, diverged]


def assert_same(one, other):
    for field in fields(nnrep.Result):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert type(mine) is type(theirs), field.name
        if isinstance(mine, pd.DataFrame):
            pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
        elif isinstance(mine, Frames):
            for each in zip(mine, theirs, strict=True):
                np.testing.assert_array_equal(*each)
        elif isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype, field.name
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine == theirs, field.name


@pytest.mark.parametrize("make", RESULTS)
def test_what_is_loaded_is_what_was_saved(tmp_path, make):
    result, path = make(), tmp_path / "a result"
    result.save(path)
    loaded = nnrep.Result.load(str(path))
    assert_same(loaded, result)
    assert all(isinstance(status, Status) for status in loaded.status)
    assert [file.name for file in tmp_path.iterdir()] == ["a result"]


def test_a_file_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "result.npz"
    through_modes().save(path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"result\.npz: exists; choose another file, or overwrite=True"):
        without_steps().save(path)
    assert path.read_bytes() == before
    without_steps().save(path, overwrite=True)
    assert_same(nnrep.Result.load(path), without_steps())


def test_what_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "result.npz"
    through_modes().save(path)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError, match=r"result\.npz: cannot be written \(No space left on device\)"):
        without_steps().save(path, overwrite=True)
    assert_same(nnrep.Result.load(path), through_modes())
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cannot be read \(No such file or directory\)"),
        (b"", "is no NumPy archive, or not a whole one"),
        (b"seed,energy\n0,1.0\n", "is no NumPy archive, or not a whole one"),
        (0.5, "is no NumPy archive, or not a whole one"),
        (0.99, "is no NumPy archive, or not a whole one"),
        ("damaged", "is no NumPy archive, or not a whole one"),
        ("other archive", "must be a file that Result.save of this nnrep wrote, got another NumPy archive"),
        ("array", "is no NumPy archive, or not a whole one"),
        ("pickled", "is no NumPy archive, or not a whole one"),
        ("lacking", r"is not a whole result \('energy'\)"),
        ("short", "is not a whole result .energy has 1 entries, and there are 2 seeds"),
    ],
)
def test_what_is_no_result_is_an_error_that_names_the_file(tmp_path, content, message):
    path = tmp_path / "result.npz"
    through_modes().save(path)
    whole = path.read_bytes()
    with np.load(path) as archive:
        arrays = dict(archive)
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, float):
        path.write_bytes(whole[: int(content * len(whole))])
    elif content == "damaged":
        at = whole.index(arrays["positions"].tobytes())
        path.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    elif content == "other archive":
        np.savez(path, seeds=[1])
    elif content == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif content == "pickled":
        np.savez(path, **arrays | {"name": np.array([{}], object)})
    elif content == "lacking":
        np.savez(path, **{name: each for name, each in arrays.items() if name != "energy"})
    elif content == "short":
        np.savez(path, **arrays | {"energy": arrays["energy"][:1]})
    with pytest.raises(UserError, match=rf"result\.npz: {message}"):
        nnrep.Result.load(path)


def test_a_path_that_is_none_is_an_error():
    with pytest.raises(ConfigError, match=r"^path: must be the name of a file, got 3"):
        nnrep.Result.load(3)


def test_others_can_read_the_file(tmp_path):
    through_modes().save(tmp_path / "result.npz")
    assert zipfile.is_zipfile(tmp_path / "result.npz")
    with np.load(tmp_path / "result.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["positions"], through_modes().positions)
        assert list(archive["status"]) == [status.name for status in through_modes().status]


def test_a_table_has_a_row_for_each_seed():
    result = through_modes()
    rows = result.to_frame()
    assert rows["seed"].tolist() == [3, 1]
    assert rows["status"].tolist() == [status.name for status in result.status]
    np.testing.assert_array_equal(rows["energy"], result.energy)
    assert set(rows["energy_unit"]) == {"kJ/mol"}
    assert set(rows["length_unit"]) == {"nm"}
    assert set(rows["system"]) == {"loop"}


def test_a_picture_shows_distances_above_the_lowest_energy():
    result = through_modes()
    figure = result.plot()
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "energy above the lowest / (kJ/mol)"
    assert axes.get_title() == f"loop: coarse, then fine; lowest {result.history['energy'].min():.6g} kJ/mol"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["seed 3", "seed 1"]
    energy = result.history["energy"]
    line = axes.lines[0]
    own = result.history[result.history["seed"] == 3]
    np.testing.assert_array_equal(line.get_xdata(), own["step"])
    above = own["energy"] - energy.min()
    np.testing.assert_allclose(line.get_ydata(), above.where(above > 0), rtol=1e-12)
    figure.savefig(io.BytesIO())  # draws


@pytest.mark.parametrize("make", [without_steps, diverged])
def test_there_is_a_picture_of_everything(make):
    make().plot().savefig(io.BytesIO())


def test_a_result_is_one_short_line():
    text = repr(through_modes())
    assert text.startswith("<Result loop: 2 seeds, 2 step_limit, energy ")
    assert text.endswith(" kJ/mol, 240 steps>")
    assert "\n" not in text
    assert len(text) < 120
    assert "1 diverged and 1 finished, energy not finite" in repr(diverged())
    assert "1 seed, step_limit, energy" in repr(without_steps())


def test_a_notebook_shows_a_table_and_no_markup_of_names():
    hostile = replace(through_modes(), name="<script>alert(1)</script>", energy_unit="<b>")
    shown = hostile._repr_html_()
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == 3
    assert "energy / (kJ/mol)" in through_modes()._repr_html_()


def test_a_notebook_shows_the_first_of_many_seeds():
    few, count = through_modes(), 30
    many = replace(
        few,
        seeds=tuple(range(count)),
        status=few.status[:1] * count,
        energy=np.zeros(count),
        energy_start=np.zeros(count),
        evaluations=np.zeros(count, int),
        time_minimize_s=np.zeros(count),
    )
    shown = many._repr_html_()
    assert shown.count("<tr>") == 21
    assert "and 10 more seeds" in shown
