"""Draw a chain of 400 particles from start to end, as three methods minimise it: the picture of README.

    scripts/coil_picture [FILE.png]    # by default docs/images/coil.png; half a minute

Lennard-Jones forces alone; all settings are the defaults of `nnrep run`. Of five seeds the one of median
energy is shown. A row is seen from one side: along the direction in which the largest piece of its end is
thinnest.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure
from PIL import Image

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.figures.drawing.axes import scale_bar
from nnrep.figures.drawing.chains import chain_view, draw_chain
from nnrep.host.runtime import configure_jax
from nnrep.host.terminal import progress_bar
from nnrep.job import built_maps, loaded_system, minimized, prepared
from nnrep.minimization import Monitor

FILE = Path(__file__).resolve().parent.parent / "docs" / "images" / "coil.png"
METHODS = {
    "plain descent": ["reparam=none"],
    "the paper's network": ["reparam=gnn"],
    "schedule=smooth": ["schedule=smooth"],
}
SEEDS = 5
FRAME_EVERY = 100  # steps
SHARES = (0, 0.1, 0.4, 1)  # of a run's steps, a column each
REACH = 1.8  # of a bond's ideal length: a longer one is broken, and particles within it are of one piece
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


def descent_of(overrides: list[str]) -> Descent:
    """The seed of median energy of a command's seeds."""
    plan, molecule = prepared(load_plan(compose("config", overrides=[f"seeds={SEEDS}", *overrides])))
    with progress_bar(quiet=True) as bar:
        system = loaded_system(plan, molecule, bar, lambda: False)
        result = minimized(plan, system, built_maps(system, plan), Monitor(record_every=FRAME_EVERY))
    assert result.frames is not None
    assert system.bonds is not None
    assert system.energy_bound is not None
    median = int(np.argsort(result.energy)[SEEDS // 2])
    own = result.frames.seed == result.seeds[median]
    ends = result.positions_start[median], result.positions[median]
    last = result.steps_coarse[median] + result.steps_fine[median]
    frames = np.concatenate([ends[:1], result.frames.positions[own], ends[1:]])
    steps = np.concatenate([[0], result.frames.step[own], [last]])
    return Descent(frames, steps, float(result.energy[median] / system.energy_bound), system.bonds.length)


def draw(descents: dict[str, Descent]) -> Figure:
    """A row for each method, a column for each share of its steps."""
    picture = Figure(figsize=(7, 5.9), layout="constrained")
    rows = picture.subplots(len(descents), len(SHARES), squeeze=False)
    for row, (name, descent) in zip(rows, descents.items(), strict=True):
        reach = REACH * descent.bond
        view = chain_view(descent.frames[-1], reach)
        for axes, share in zip(row, SHARES, strict=True):
            frame = int(np.abs(descent.steps - share * descent.steps[-1]).argmin())
            draw_chain(axes, descent.frames[frame], reach, view)
            axes.set_frame_on(True)
            scale_bar(axes, "{:g}")
            axes.set_title(f"step {descent.steps[frame]}", fontsize=FONT)
        row[0].set_ylabel(name, fontsize=FONT)
        row[-1].set_xlabel(f"energy: {100 * descent.share:.1f} % of the bound", fontsize=FONT)
    key = "Bars: length; a bond is 1.13 long. Colours: along the chain. Grey: broken bonds."
    picture.supxlabel(key, fontsize=FONT)
    return picture


def main() -> int:
    if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
        print(__doc__, file=sys.stderr)
        return 2
    configure_jax("float32")
    register_resolvers("run")
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        descents = {name: descent_of(overrides) for name, overrides in METHODS.items()}
    save(draw(descents), Path(sys.argv[1]) if len(sys.argv) == 2 else FILE)
    return 0


def save(picture: Figure, path: Path) -> None:
    """A PNG of few colours, which takes a fifth of the space."""
    whole = BytesIO()
    picture.savefig(whole, dpi=DPI)
    Image.open(whole).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
