"""The style of every picture."""

import subprocess
import sys

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from nnrep.records.style import COLUMN, DPI, SMALL, number, save, styled


@styled()
def drawn(layout=None):
    figure = Figure(figsize=(COLUMN, 2), layout=layout)
    axes = figure.add_subplot()
    axes.plot([1, 2], [1e-3, 1e3], label="energy of 2 Å")
    axes.set(yscale="log", xlabel="time / s", ylabel="energy / kJ/mol", title="loop")
    axes.legend()
    return figure


def letters_of(figure):
    texts = figure.findobj(lambda each: hasattr(each, "get_fontsize"))
    return [text.get_fontsize() for text in texts if text.get_text()]


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_a_picture_is_written_for_print_and_for_screens(tmp_path, layout):
    save(drawn(layout), tmp_path / "energy.png")
    assert {path.name for path in tmp_path.iterdir()} == {"energy.png", "energy.pdf"}
    assert imread(tmp_path / "energy.png").shape[:2] == (2 * DPI, COLUMN * DPI)
    pdf = (tmp_path / "energy.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type42" in pdf or b"/CIDFontType2" in pdf  # letters, and no drawings of them


def test_a_picture_that_is_written_quickly_has_letters_of_another_type(tmp_path):
    save(drawn(), tmp_path / "a.png", quickly=True)
    assert b"/Type3" in (tmp_path / "a.pdf").read_bytes()
    assert imread(tmp_path / "a.png").shape[:2] == (2 * DPI, COLUMN * DPI)


def test_numbers_are_written_out():
    numbers = {
        -1234.5678: "\N{MINUS SIGN}1234.6",
        0.000123456: "0.00012346",
        123456.0: "123460",
        2.5e7: "2.5e+07",
        0.0: "0",
    }
    assert {value: number(value) for value in numbers} == numbers
    assert number(-7891.2, 2) == "\N{MINUS SIGN}7900"
    assert number(float("inf")) == "inf"


def test_the_same_picture_gives_the_same_files(tmp_path):
    for name in "ab":
        save(drawn(), tmp_path / f"{name}.png")
    for kind in ("png", "pdf"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_letters_are_large_enough(tmp_path):
    figure = drawn()
    save(figure, tmp_path / "a.png")
    sizes = letters_of(figure)
    assert len(sizes) > 8
    assert min(sizes) >= SMALL >= 8


def test_settings_of_the_user_neither_change_a_picture_nor_get_lost():
    with matplotlib.rc_context({"text.usetex": True, "font.size": 4, "xtick.labelsize": "xx-small"}):
        figure = drawn()
        assert matplotlib.rcParams["font.size"] == 4
    (axes,) = figure.axes
    assert min(letters_of(figure)) >= SMALL
    assert not axes.title.get_usetex()


def test_a_picture_needs_no_display_and_no_locale(tmp_path):
    code = (
        "from pathlib import Path; from matplotlib.figure import Figure\n"
        "from nnrep.records.style import save; figure = Figure()\n"
        "figure.add_subplot().set_title('2 \\xc5'); save(figure, Path('a.png'))"
    )
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "MPLBACKEND": "TkAgg"}
    environment |= {"PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path), "PATH": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.pdf").exists()
