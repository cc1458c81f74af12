"""What holds of every picture of a figure: letters, units, legends, colours, limits.

Pictures are drawn from the committed rows, with made-up histories and positions.
"""

import re
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Picture
from matplotlib.image import _ImageBase
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.text import Text
from PIL import Image
from structure_texts import tripeptide

from nnrep.baselines.none import NoBaselineConfig
from nnrep.baselines.openmm_minimizer import MinimizerConfig
from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.figures import FIGURES
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.drawing.axes import number_text, round_numbers
from nnrep.figures.evidence import Evidence
from nnrep.figures.saving import save_picture
from nnrep.records.palette import METHOD_COLORS, shades
from nnrep.records.style import DPI, PAGE, SMALL
from nnrep.records.table import read_table
from nnrep.structures.extended import extended
from nnrep.systems.loop import LoopConfig
from nnrep.systems.protein import ProteinConfig, Start

pytestmark = pytest.mark.slow

LOOPS = ("fig2", "fig3")
ALL = sorted(FIGURES)
# Without a unit: counts, ratios, names, and energies of loops.
BARE = re.compile(r"^(steps|iterations|(\(a\) energy factor|mean energy|speed-up|share|atom|particle).*)$")
UNIT = re.compile(r"/ (s|kJ/mol|Å)$")
METHODS = {"GD": "none", "FG": "none", "CG": "cg", "GNN": "gnn", "OpenMM dynamics": "openmm_dynamics"}
MOST_SHADES = 5
PIXELS = ("fig2", "fig7")  # have a bar and maps of colours; other PDFs have no images
MOST_BYTES = 600_000


@dataclass
class RunConfigLike:
    """What pictures read of a configuration."""

    system: object
    baseline: object = field(default_factory=lambda: NoBaselineConfig(name="none"))


@cache
def stacked() -> np.ndarray:
    return extended(tripeptide())


def coil(n: int, away: int) -> np.ndarray:
    """A coil of n particles of which so many are far away."""
    turn = 0.6 * np.arange(n)
    positions = np.stack([1.9 * np.cos(turn), 1.9 * np.sin(turn), 0.11 * turn], axis=1)
    positions[:away] += 1000 * np.arange(1, away + 1)[:, None]
    return positions


def evidence_of(name: str) -> Evidence:
    """The rows of a committed table, with made-up histories and positions."""
    folder = ROOT / "results" / name
    runs, repeats = read_table(folder / "runs.csv"), read_table(folder / "repeats.csv")
    rows = {row["run_id"]: row for _, row in pd.concat([runs, repeats]).iterrows()}
    loop = name in LOOPS
    system = (
        build(LoopConfig, {"n": int(runs["n"].iloc[0])})
        if loop
        else ProteinConfig(force_field="classical", start=Start.extended)
    )
    configs = [RunConfigLike(system)]
    hashes = (
        runs.loc[runs["baseline"] == "openmm_minimizer", "config_hash"].unique() if name == "fig6" else []
    )
    for known, tolerance in zip(hashes, (10.0, 0.5), strict=False):
        configs.append(RunConfigLike(system, MinimizerConfig(tolerance=tolerance)))
        runs, repeats = (
            each.replace({"config_hash": {known: hash_of(configs[-1])}}) for each in (runs, repeats)
        )
    rng = np.random.default_rng(0)
    return Evidence(
        runs=runs,
        summary=summarise(runs),
        repeats=repeats,
        positions=lambda run: coil(200, 7) if loop else stacked() + 0.05 * rng.normal(size=stacked().shape),
        histories=lambda run: history_of(rows[run]),
        molecules={} if loop else {each: replace(tripeptide(), name=each) for each in set(runs["structure"])},
        missing={},
        configs=configs,
    )


def history_of(run: pd.Series) -> pd.DataFrame:
    """A hundred checks: energy falls to its end by the square of the time that is left."""
    share = np.arange(1, 101) / 100
    steps = run["steps_coarse"] + run["steps_fine"]
    return pd.DataFrame(
        {
            "stage": "fine",
            "step": np.ceil(share * steps),
            "time_s": share * run["time_minimize_s"],
            "energy": run["energy"] + 1000 * (1 - share) ** 2,
            "rmsd_ca": run["rmsd_ca_start"] + share * (run["rmsd_ca"] - run["rmsd_ca_start"]),
        }
    )


@cache
def picture_of(name: str) -> Picture:
    """The picture of a figure, laid out as it is saved."""
    picture = FIGURES[name].draw(evidence_of(name))
    FigureCanvasAgg(picture)  # which knows how large letters are
    for _ in range(2):  # numbers along axes depend on the space that they leave
        picture.draw_without_rendering()
    return picture


def parts_of(picture) -> list:
    return [picture, *(each for part in picture.subfigs for each in parts_of(part))]


def legends_of(picture) -> list:
    own = [legend for part in parts_of(picture) for legend in part.legends]
    return own + [axes.get_legend() for axes in picture.axes if axes.get_legend()]


def entries_of(picture) -> list:
    """Handle and label of everything that legends name."""
    return [
        (handle, text.get_text())
        for legend in legends_of(picture)
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True)
    ]


def texts_of(picture) -> list[Text]:
    """All letters that are seen."""
    hidden = {
        id(text)
        for axes in picture.axes
        for axis in (axes.xaxis, axes.yaxis)
        for text in axis.findobj(Text)
        if not axes.axison
    }
    ticks = {
        id(text)
        for axes in picture.axes
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in [*axis.majorTicks, *axis.minorTicks]
        for text in (tick.label1, tick.label2)
        if not min(limits) <= tick.get_loc() <= max(limits)
    }
    found = picture.findobj(Text)
    return [t for t in found if t.get_text() and t.get_visible() and id(t) not in hidden | ticks]


def boxes_of(picture, texts: list[Text]) -> list:
    return [text.get_window_extent(picture.canvas.get_renderer()) for text in texts]


@pytest.mark.parametrize("name", ["fig2", "fig4"])
def test_files_are_a_sharp_picture_and_a_vector_one(name, tmp_path):
    picture = FIGURES[name].draw(evidence_of(name))
    save_picture(picture, tmp_path, name)
    with Image.open(tmp_path / f"{name}.png") as png:
        assert png.info["dpi"] == pytest.approx((DPI, DPI), rel=1e-3)
        assert png.size == pytest.approx(tuple(DPI * picture.get_size_inches()), abs=1)
    assert (tmp_path / f"{name}.png").stat().st_size < MOST_BYTES
    pdf = (tmp_path / f"{name}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert (b"/Subtype /Image" in pdf) == (name in PIXELS)


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_a_page_at_most_of_lines_that_can_be_enlarged(name):
    picture = picture_of(name)
    assert picture.get_figwidth() <= PAGE
    assert picture.get_figheight() <= 9
    assert (ROOT / "results" / name / f"{name}.png").stat().st_size < MOST_BYTES
    pixels = picture.findobj(lambda part: part.get_rasterized() or isinstance(part, _ImageBase))
    assert bool(pixels) == (name in PIXELS)


@pytest.mark.parametrize("name", ALL)
def test_letters_are_large_enough_and_within_the_picture(name):
    picture = picture_of(name)
    texts = texts_of(picture)
    assert len(texts) > 10
    assert min(text.get_fontsize() for text in texts) >= SMALL >= 8
    for text, box in zip(texts, boxes_of(picture, texts), strict=True):
        corners = [*box.min, *(picture.bbox.max - box.max)]
        assert min(corners) > -1, text.get_text()


@pytest.mark.parametrize("name", ALL)
def test_numbers_along_an_axis_do_not_collide(name):
    picture = picture_of(name)
    for axes in picture.axes:
        for place, axis in enumerate((axes.xaxis, axes.yaxis)):
            low, high = sorted((axes.get_xlim(), axes.get_ylim())[place])
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            labels = [tick.label1 for tick in ticks if tick.label1.get_text() and tick.label1.get_visible()]
            boxes = sorted(boxes_of(picture, labels), key=lambda box: box.min[place])
            for one, other in pairwise(boxes):
                assert one.max[place] <= other.min[place], [label.get_text() for label in labels]


@pytest.mark.parametrize("name", ALL)
def test_titles_labels_and_texts_of_axes_do_not_cover_each_other(name):
    picture = picture_of(name)
    for axes in picture.axes:
        titles = [child for child in axes.get_children() if isinstance(child, Text)]  # of the left as well
        texts = [each for each in [*titles, axes.xaxis.label, axes.yaxis.label] if each.get_text()]
        shown = [each for each in texts if axes.axison or each in titles]
        boxes = boxes_of(picture, shown)
        for (one, box), (other, another) in combinations(zip(shown, boxes, strict=True), 2):
            assert not box.overlaps(another), (one.get_text(), other.get_text())


@pytest.mark.parametrize("name", ALL)
def test_every_axis_with_numbers_has_a_label_with_its_unit(name):
    for axes in picture_of(name).axes:
        for which in "xy":
            axis = getattr(axes, f"{which}axis")
            shown = any(label.get_text() and label.get_visible() for label in axis.get_ticklabels())
            if not (axes.axison and shown):
                continue
            label = axis.get_label_text() or _label_beside(axes, which)
            assert label, f"{which} of {axes.get_title() or axes.get_title('left')}"
            plain = " ".join(label.split())
            assert BARE.match(plain) or UNIT.search(plain) or name == "fig7", plain


def _label_beside(axes, which: str) -> str:
    """The label of axes in the same row (column), which serves them all."""
    own = getattr(axes.get_position(), f"interval{which}")
    for other in axes.figure.axes:
        if np.allclose(getattr(other.get_position(), f"interval{which}"), own, atol=1e-3):
            text = getattr(other, f"{which}axis").get_label_text()
            if text:
                return text
    return ""


@pytest.mark.parametrize("name", ALL)
def test_there_is_one_legend_or_a_bar_of_colours(name):
    picture = picture_of(name)
    bars = [axes for axes in picture.axes if axes.get_label() == "<colorbar>"]
    assert len(legends_of(picture)) == (0 if name == "fig2" else 1)
    assert len(bars) == (1 if name in ("fig2", "fig7") else 0)
    labels = [label for _, label in entries_of(picture)]
    assert len(labels) == len(set(labels))


def marker_shape(marker) -> bytes:
    style = MarkerStyle(marker)
    return np.round(style.get_path().transformed(style.get_transform()).vertices, 3).tobytes()


def seen_in(axes) -> tuple[set, set, set]:
    """Colours, shapes of marks, and styles of lines and frames in axes."""
    colors, shapes, styles = set(), set(), set()
    for line in axes.findobj(Line2D):
        colors.add(to_hex(line.get_color()))
        styles.add(line.get_linestyle())
        if line.get_marker() not in (None, "None", ""):
            shapes.add(marker_shape(line.get_marker()))
    for marks in axes.findobj(PathCollection):
        colors |= {to_hex(color) for color in marks.get_facecolor()}
        shapes |= {np.round(path.vertices, 3).tobytes() for path in marks.get_paths()}
    for lines in axes.findobj(LineCollection):
        colors |= {to_hex(color) for color in lines.get_color()}
    colors |= {to_hex(patch.get_facecolor()) for patch in axes.patches}
    if axes.get_frame_on():
        styles |= {spine.get_linewidth() for spine in axes.spines.values()}
    return colors, shapes, styles


@pytest.mark.parametrize("name", ALL)
def test_what_a_legend_names_is_drawn(name):
    picture = picture_of(name)
    panels = [seen_in(axes) for axes in picture.axes]
    colors, shapes, styles = (set().union(*each) for each in zip(*panels, strict=True))
    for handle, label in entries_of(picture):
        if isinstance(handle, Line2D):
            marked = handle.get_marker() not in (None, "None", "")
            known = to_hex(handle.get_color()) in colors
            known |= marked and marker_shape(handle.get_marker()) in shapes
            known |= not marked and handle.get_linestyle() in styles
        elif isinstance(handle, PathCollection):
            known = to_hex(handle.get_facecolor()[0]) in colors
        else:
            known = to_hex(handle.get_facecolor()) in colors or handle.get_linewidth() in styles
        assert known, label


@pytest.mark.parametrize("name", ALL)
def test_a_method_has_its_colour_in_every_picture(name):
    named = 0
    for handle, label in entries_of(picture_of(name)):
        found = re.search(r"\b(GD|FG|CG|GNN|OpenMM dynamics)", label)
        if found:
            full = METHOD_COLORS[METHODS[found[1]]]
            allowed = {full} | {shade for count in range(2, MOST_SHADES) for shade in shades(full, count)}
            assert to_hex(handle.get_color()).upper() in allowed, label
            named += 1
    assert named or name in ("fig2", "fig7")


@pytest.mark.parametrize("name", sorted(set(ALL) - {"fig2"}))
def test_limits_contain_what_is_drawn(name):
    for axes in picture_of(name).axes:
        (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        points = [
            line.get_xydata() for line in axes.get_lines() if line.get_transform() == axes.transData
        ] + [marks.get_offsets() for marks in axes.collections if isinstance(marks, PathCollection)]
        for x, y in np.concatenate([np.zeros((0, 2)), *map(np.asarray, points)]):
            if np.isfinite([x, y]).all():
                assert left <= x <= right, axes.get_title()
                assert low <= y <= high, axes.get_title()


def test_particles_that_fly_off_are_counted_and_do_not_set_the_scale():
    panels = [axes for axes in picture_of("fig2").axes if "particle" in axes.get_xlabel()]
    assert len(panels) == 6
    for axes in panels:
        assert axes.get_xlabel().endswith("7 particles outside")
        assert np.ptp(axes.get_xlim()) < 20


def test_proteins_are_told_by_shape_in_both_panels_of_figure_4():
    entries = {label: handle for handle, label in entries_of(picture_of("fig4"))}
    proteins = set(read_table(ROOT / "results" / "fig4" / "runs.csv")["structure"])
    assert len({entries[name].get_marker() for name in proteins}) == len(proteins) == 6
    assert {to_hex(entries[name].get_color()).upper() for name in proteins}.isdisjoint(METHOD_COLORS.values())
    assert {"(a) to each run's own end", "(a) to one energy", "(c) native structure"} <= set(entries)


def test_numbers_along_axes_are_round_and_few():
    assert round_numbers(0.05, 2.5, 4) == [0.1, 0.3, 1]
    assert round_numbers(2.1, 6.2, 6) == [3, 4, 5, 6]
    assert round_numbers(0.67, 1.7, 4) == [0.7, 1, 1.5]  # 0.7, 0.8, 0.9 and 1 would overlap


@given(st.floats(-9, 9), st.floats(0.3, 9), st.integers(3, 6))
def test_numbers_along_axes_do_not_overlap(lowest, decades, most):
    low, high = 10**lowest, 10 ** (lowest + decades)
    numbers = round_numbers(low, high, most)
    assert 1 < len(numbers) <= most
    assert low <= numbers[0]
    assert numbers[-1] <= high
    assert np.all(np.diff(np.log10(numbers)) >= decades / most - 1e-9)


def test_signs_along_axes_are_those_of_matplotlib():
    assert number_text("{:.1f}", -2.0) == "\N{MINUS SIGN}2.0"
