"""Colours of pictures: every method has one, and all are told apart also by the colour-blind."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from nnrep.baselines.registry import BASELINES
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.records import palette
from nnrep.reparam.registry import MAPS

# What is seen of linear red, green and blue: with full colour vision, and by Machado, Oliveira and Fernandes
# (2009) without the receptors for long, medium and short waves.
VISIONS = {
    "full": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
# From linear red, green and blue to receptors, and from the cube root of these to OKLab.
RECEPTORS = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
OKLAB = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
DISTINCT = 0.08  # distance in OKLab that is seen in thin lines
PAPERS = ("none", "cg", "gnn", "openmm_minimizer", "openmm_dynamics")


def seen(color: str, vision) -> np.ndarray:
    """A colour in OKLab."""
    channels = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    receptors = np.array(RECEPTORS) @ np.clip(np.array(vision) @ linear, 0, 1)
    return np.array(OKLAB) @ np.cbrt(receptors)


def nearest(colors, others=None, vision=None) -> float:
    pairs = combinations(colors, 2) if others is None else ((a, b) for a in colors for b in others)
    return min(float(np.linalg.norm(seen(one, vision) - seen(other, vision))) for one, other in pairs)


@pytest.mark.parametrize("vision", VISIONS.values(), ids=VISIONS)
def test_colours_of_a_set_are_told_apart(vision):
    methods = [*palette.METHOD_COLORS.values(), palette.NEUTRAL]
    proteins = list(palette.PROTEIN_COLORS.values())
    for colors in (methods, proteins, palette.seed_colors(4), palette.shades("#009E73", 3)):
        assert nearest(colors, vision=vision) > DISTINCT


@pytest.mark.parametrize("vision", VISIONS.values(), ids=VISIONS)
def test_a_protein_does_not_look_like_the_methods_beside_it(vision):
    beside = [palette.METHOD_COLORS["none"], palette.METHOD_COLORS["gnn"], palette.NATIVE]
    assert nearest(palette.PROTEIN_COLORS.values(), beside, vision=vision) > 0.06
    assert not set(palette.PROTEIN_COLORS.values()) & set(palette.METHOD_COLORS.values())


def test_every_registered_method_has_a_colour_of_its_own():
    plain = {"adam", "sgd"}  # by which `none` is minimised
    names = {*MAPS, *(set(OPTIMIZERS) - plain), *BASELINES}
    assert names <= set(palette.METHOD_COLORS)
    colors = list(palette.METHOD_COLORS.values())
    assert len(set(colors)) == len(colors)
    assert palette.method_color("mine") == palette.NEUTRAL not in colors


def test_a_protein_looks_the_same_whatever_is_beside_it():
    alone = palette.protein_marks(["5AWL"])["5AWL"]
    among = palette.protein_marks(["mine", "2JOF", "5AWL"])
    assert among["5AWL"] == alone
    assert len(set(among.values())) == 3
    many = palette.protein_marks(map(str, range(9)))
    assert len(many) == 9
    assert len(set(list(many.values())[:7])) == 7


def test_shades_and_seeds_begin_with_the_full_colour():
    assert palette.shades("#009E73", 1) == ["#009E73"]
    assert palette.shades("#009E73", 3)[0] == "#009E73"
    assert palette.seed_colors(0) == []
    assert palette.seed_colors(1) == [palette.SEED_ANCHORS[0]]
    assert palette.seed_colors(5) == list(palette.SEED_ANCHORS)
    assert palette.mixed("#000000", "#FFFFFF", 0.5) == "#808080"


def test_the_palette_needs_no_matplotlib():
    code = "import sys, nnrep.records.palette; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
