"""The picture of README."""

import importlib.util

import numpy as np
import pytest
from checkout import ROOT
from matplotlib.figure import Figure
from matplotlib.image import imread

spec = importlib.util.spec_from_file_location("coil_picture", ROOT / "scripts" / "coil_picture.py")
coil_picture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(coil_picture)


def helix(n=60):
    turn = np.arange(n) / 2
    return np.stack([np.cos(turn), np.sin(turn), 0.2 * turn], axis=1)


def limits(positions):
    axes = Figure().add_subplot()
    coil_picture.draw_chain(axes, positions, 0.6, np.eye(3))
    return np.array([axes.get_xlim(), axes.get_ylim()])


def test_pieces_that_fly_off_do_not_set_the_scale():
    blown = helix()
    blown[:10] += 1000
    np.testing.assert_allclose(limits(blown), limits(helix()), atol=0.2)
    blown[5:] += 1000  # the piece that stays is the smaller one
    assert limits(blown).min() > 900


def test_the_seed_of_median_energy_is_found_among_the_runs_of_a_figure(tmp_path):
    header = "potential,reparam,seed,energy\n"
    runs = "pure_lj,gnn,1000,-0.1\npure_lj,gnn,1001,0.2\npure_lj,none,1000,-0.05\nbond_lj,gnn,1002,0.1\n"
    (tmp_path / "runs.csv").write_text(header + runs)
    (tmp_path / "repeats.csv").write_text(header + "pure_lj,gnn,1073742824,0.05\n")
    assert coil_picture.median_seed(tmp_path, "gnn") == 1073742824
    assert coil_picture.median_seed(tmp_path, "none") == 1000


def test_letters_are_large_enough():
    descent = coil_picture.Descent(np.stack([helix()] * 3), np.array([0, 50, 100]), 0.99, 0.6)
    picture = coil_picture.draw({"a": descent, "b": descent})
    shown = [text for text in picture.findobj(lambda each: hasattr(each, "get_fontsize")) if text.get_text()]
    assert len(shown) > 10
    assert min(text.get_fontsize() for text in shown) >= 8


def test_the_picture_is_there_and_small():
    path = ROOT / "docs" / "images" / "coil.png"
    assert path.stat().st_size <= 300_000
    assert imread(path).shape[:2] == pytest.approx((1062, 1260), abs=2)
