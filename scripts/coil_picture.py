"""Draw a chain of 400 particles from start to end, as three methods minimise it: the picture of README.

    scripts/coil_picture [FILE.png]    # by default docs/images/coil.png; half a minute

Lennard-Jones forces alone; settings are the defaults of `nnrep run`, or the paper's with the authors' weights
of modes. The seed of median energy is shown: of plain descent and the paper's network among the runs of
results/fig2, as half of these end below zero and half near 60 % of the bound, so that the median of few seeds
may be anywhere; of this project's network among five. A machine that rounds otherwise may end elsewhere.
A row is seen from one side: along the direction in which the largest piece of its end is thinnest.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image
from scipy.cluster.hierarchy import fcluster, linkage

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import progress_bar
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "images" / "coil.png"
METHODS = {
    "plain descent": ["reparam=none"],
    "the paper's network": ["reparam=gnn", "schedule=paper", "reparam.strength=null"],
    "this project's network": ["reparam=gnn"],
}
FIGURE = ROOT / "results" / "fig2"
IN_FIGURE = {"plain descent": "none", "the paper's network": "gnn"}  # the `reparam` of its runs
SEEDS = list(range(5))  # of what it does not have
FRAME_EVERY = 20  # steps
SHARES = (0, 0.1, 0.4, 1)  # of a run's steps, a column each
BROKEN = 1.8  # of its ideal length, above which a bond counts as broken
PIECE_REACH = 1.8  # the same, of neighbours of one piece
DOT = 5  # size of a particle, in points squared
MARGIN = 1.15  # of the window around the largest piece
BAR = 5  # length of the scale bar, in the chain's unit: a bond is 1.13 long
COLORS = colormaps["viridis"]
FONT = 8.5  # points
DPI, PALETTE = 180, 64


class Descent(NamedTuple):
    """A minimisation, from start to end.

    Attributes:
        frames: (f, n, d) positions, the start first and the end last.
        steps: (f,) of each.
        share: energy at the end over the lower bound.
        bond: ideal length of a bond.
    """

    frames: np.ndarray
    steps: np.ndarray
    share: float
    bond: float


def median_seed(folder: Path, reparam: str) -> int:
    """The seed of median energy of a map's runs on pure Lennard-Jones, fresh seeds included."""
    runs = pd.concat([pd.read_csv(folder / table) for table in ("runs.csv", "repeats.csv")])
    mine = runs[(runs["potential"] == "pure_lj") & (runs["reparam"] == reparam)].sort_values("energy")
    return int(mine["seed"].iloc[len(mine) // 2])


def descent_of(overrides: list[str], seeds: list[int]) -> Descent:
    """The seed of median energy of a command's seeds."""
    plan, molecule = prepared(load_plan(compose("config", overrides=[f"seeds={seeds}", *overrides])))
    with progress_bar(quiet=True) as bar:
        system = loaded_system(plan, molecule, bar, lambda: False)
        result = minimized(plan, system, built_maps(system, plan), Monitor(record_every=FRAME_EVERY))
    assert result.frames is not None
    assert system.bonds is not None
    assert system.energy_bound is not None
    median = int(np.argsort(result.energy)[len(seeds) // 2])
    own = result.frames.seed == result.seeds[median]
    ends = result.positions_start[median], result.positions[median]
    last = result.steps_coarse[median] + result.steps_fine[median]
    frames = np.concatenate([ends[:1], result.frames.positions[own], ends[1:]])
    steps = np.concatenate([[0], result.frames.step[own], [last]])
    return Descent(frames, steps, float(result.energy[median] / system.energy_bound), system.bonds.length)


def largest_piece(positions: np.ndarray, reach: float) -> np.ndarray:
    """Which particles (n,) of positions (n, d) belong to the largest connected piece.

    Two particles are connected if they are within reach of each other.
    """
    piece = fcluster(linkage(positions, "single"), reach, "distance")
    return piece == np.bincount(piece).argmax()


def window_of(points: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (2,) and half-width of the square around the points (n, 2) that are held (n,)."""
    low, high = points[held].min(axis=0), points[held].max(axis=0)
    return (low + high) / 2, MARGIN * float((high - low).max()) / 2


def draw_chain(axes: Any, positions: np.ndarray, bond: float, view: np.ndarray) -> None:
    """A chain (n, 3) seen along the last axis of the view (3, 3), coloured from first particle to last.

    Broken bonds are thin and grey. What is not of the largest piece may lie outside of the picture.
    """
    seen = positions @ view.T
    colors = COLORS(np.linspace(0, 1, len(seen)))
    pairs = np.stack([seen[:-1], seen[1:]], axis=1)
    whole = np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1) < BROKEN * bond
    axes.add_collection(LineCollection(pairs[~whole][:, :, :2], colors="0.75", linewidths=0.3, zorder=1))
    order = np.argsort(seen[:, 2])
    dots = {"s": DOT, "c": colors[order], "edgecolors": "k", "linewidths": 0.2, "zorder": 2}
    axes.scatter(*seen[order, :2].T, **dots)
    order = np.flatnonzero(whole)[np.argsort(pairs[whole][:, :, 2].mean(axis=1))]
    # Each bond on a darker and wider one, so that what is in front covers what is behind.
    lines = np.repeat(pairs[order][:, :, :2], 2, axis=0)
    shades = np.repeat(colors[order], 2, axis=0)
    shades[::2, :3] *= 0.35
    widths = np.tile([2.4, 1.5], len(order))
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=widths, capstyle="round", zorder=3))
    centre, half = window_of(seen[:, :2], largest_piece(positions, PIECE_REACH * bond))
    axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half))
    axes.set(xticks=[], yticks=[], aspect="equal")
    left, low = centre - 0.93 * half
    axes.plot([left, left + BAR], [low, low], color="k", lw=2, solid_capstyle="butt", zorder=4)


def draw(descents: dict[str, Descent]) -> Figure:
    """A row for each method, a column for each share of its steps."""
    picture = Figure(figsize=(7, 5.9), layout="constrained")
    rows = picture.subplots(len(descents), len(SHARES), squeeze=False)
    for row, (name, descent) in zip(rows, descents.items(), strict=True):
        view = seen_from(descent)
        for axes, share in zip(row, SHARES, strict=True):
            frame = int(np.abs(descent.steps - share * descent.steps[-1]).argmin())
            draw_chain(axes, descent.frames[frame], descent.bond, view)
            axes.set_title(f"step {descent.steps[frame]}", fontsize=FONT)
        row[0].set_ylabel(name, fontsize=FONT)
        row[-1].set_xlabel(f"energy: {100 * descent.share:.1f} % of the bound", fontsize=FONT)
    key = f"Bars: {BAR} units of length. Colours: along the chain. Grey: broken bonds."
    picture.supxlabel(key, fontsize=FONT)
    return picture


def seen_from(descent: Descent) -> np.ndarray:
    """Axes (3, 3) of the largest piece at the end, the widest first, the thinnest towards the viewer."""
    end = descent.frames[-1]
    piece = end[largest_piece(end, PIECE_REACH * descent.bond)]
    return np.linalg.svd(piece - piece.mean(axis=0), full_matrices=False)[2]


def main() -> int:
    if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
        print(__doc__, file=sys.stderr)
        return 2
    configure_jax("float32")
    register_resolvers("run")
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        descents = {
            name: descent_of(
                overrides, [median_seed(FIGURE, IN_FIGURE[name])] if name in IN_FIGURE else SEEDS
            )
            for name, overrides in METHODS.items()
        }
    save(draw(descents), Path(sys.argv[1]) if len(sys.argv) == 2 else FILE)
    return 0


def save(picture: Figure, path: Path) -> None:
    """A PNG of few colours, which takes a fifth of the space."""
    whole = BytesIO()
    picture.savefig(whole, dpi=DPI)
    Image.open(whole).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
