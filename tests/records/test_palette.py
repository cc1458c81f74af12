"""Colours of pictures: every method has one, and all are told apart also by the colour-blind."""

import re
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from nnrep.baselines.registry import BASELINES
from nnrep.choices.defaults import config_folder
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.schedules.registry import SCHEDULES
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
REGISTRIES = (MAPS, SCHEDULES, OPTIMIZERS, BASELINES)
LISTS = [path.stem for path in (config_folder() / "schedule").glob("*.yaml")]
NAMES = sorted({*LISTS, *(name for registry in REGISTRIES for name in registry)})
# Every method that has a colour; those that have none are grey.
METHODS = {name: color for name in NAMES if (color := palette.method_color(name)) != palette.NEUTRAL}


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
    methods = [*METHODS.values(), palette.NEUTRAL]
    proteins = list(palette.PROTEIN_COLORS.values())
    for colors in (methods, proteins, palette.seed_colors(4), palette.shades("#009E73", 3)):
        assert nearest(colors, vision=vision) > DISTINCT


@pytest.mark.parametrize("vision", VISIONS.values(), ids=VISIONS)
def test_a_protein_does_not_look_like_the_methods_beside_it(vision):
    beside = [palette.METHOD_COLORS["none"], palette.METHOD_COLORS["gnn"], palette.NATIVE]
    assert nearest(palette.PROTEIN_COLORS.values(), beside, vision=vision) > 0.06
    assert not set(palette.PROTEIN_COLORS.values()) & set(METHODS.values())


def test_methods_have_colours_of_their_own():
    assert {**METHODS, **palette.METHOD_COLORS} == METHODS  # no choice says another than the paper's
    assert {"spectral", "torsion", "lbfgs", "staged", "smooth"} < set(METHODS)
    assert len(set(METHODS.values())) == len(METHODS)
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in METHODS.values())
    assert palette.method_color("mine") == palette.NEUTRAL


def test_the_papers_methods_have_always_had_these_colours():
    assert [palette.method_color(name) for name in ("none", "cg", "gnn")] == ["#D55E00", "#0072B2", "#009E73"]
    engines = [palette.method_color(name) for name in ("openmm_minimizer", "openmm_dynamics")]
    assert engines == ["#000000", "#D9B216"]


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


def test_the_colours_of_the_papers_methods_need_no_matplotlib_and_no_jax():
    code = "import sys; from nnrep.records.palette import METHOD_COLORS, method_color; "
    code += "assert all(map(method_color, METHOD_COLORS)); "
    code += "print(bool({'matplotlib', 'jax', 'openmm'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
