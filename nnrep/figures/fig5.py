"""Figure 5: how far a protein folds, by dynamics, plain minimisation and networks of several widths."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D

from nnrep.config.schema import RunConfig
from nnrep.figures.analysis.histories import before_loop, values_at
from nnrep.figures.analysis.labels import (
    BASELINE_LABELS,
    DYNAMICS,
    GD,
    GNN,
    METHOD_COLORS,
    NETWORK,
    NO_BASELINE,
    PLAIN,
)
from nnrep.figures.analysis.selection import TYPICAL, diverged, typical_run, values_of
from nnrep.figures.analysis.statistics import FEWEST, below, falls
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.claim import Claim, Verdict, on_wall_time
from nnrep.figures.drawing.axes import plain_decades
from nnrep.figures.drawing.molecules import draw_traces
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure, nothing_repeated
from nnrep.figures.needs import Need, config_need, steps_needed, structures_needed
from nnrep.figures.notes.runs import notes_on_runs
from nnrep.figures.proteins import (
    FITTED_TO_START,
    clamp_caveats,
    descent_need,
    force_field_need,
    network_need,
    notes_on_networks,
    rate_caveats,
)
from nnrep.records.chains import scale_bar
from nnrep.records.palette import NATIVE, method_color, shades
from nnrep.records.style import PAGE, SMALL, styled

DYNAMICS_LABEL = BASELINE_LABELS[DYNAMICS]
NO_RUNS = "not run"
PUBLISHED_STEPS = 400_000  # of a minimisation; dynamics takes twice as many
PUBLISHED_WIDTHS = (10, 100, 300, 500)
PUBLISHED_START = "2JOF_unfolded_1000K_200k"  # a file that the authors keep
START_KEYS = ["start", "start_seed"]
HALF = "a network has half of the steps, then the positions are free"
ANOTHER_ENERGY = "on AMBER14; the authors' code computes another sum (amber14_uncorrected)"
# Of the widest network, then of narrower ones.
DASHES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (3, 1.2)), (0, (1, 1)))
TYPICAL_WIDTH = 1.6  # points, of the typical run
HISTORY_HEIGHT, STRUCTURE_HEIGHT = 3.3, 1.9  # inches
MARGIN = 0.015  # on the left, of the width
HISTORY_LABELS = {"time_s": "modes, fit and minimisation, or dynamics / s", "step": "steps"}


def _lacking_start(evidence: Evidence) -> str:
    """Whether no run begins where the authors' did."""
    starts = {_start_of(config) for config in evidence.configs}
    return "" if any(PUBLISHED_START in start for start in starts) else "other starts alone"


def _start_of(config: RunConfig) -> str:
    start = getattr(config.system, "start", "")
    return str(getattr(start, "value", start))


def _lacking_widths(evidence: Evidence) -> str:
    given = set(widths_of(evidence.runs).dropna())
    missing = [str(width) for width in PUBLISHED_WIDTHS if width not in given]
    return f"no network {', '.join(missing)} wide" if missing else ""


def _short_dynamics(config: RunConfig) -> str:
    steps = config.baseline.steps if config.baseline.name == DYNAMICS else 2 * PUBLISHED_STEPS
    return f"{steps} steps of dynamics" if steps < 2 * PUBLISHED_STEPS else ""


FOLDING_NEEDS = (
    structures_needed(["2JOF"]),
    Need(f"the authors' start {PUBLISHED_START}", _lacking_start),
    force_field_need("amber14"),
    network_need(*PUBLISHED_WIDTHS),
    descent_need(),
    Need(f"networks {', '.join(map(str, PUBLISHED_WIDTHS))} wide", _lacking_widths),
    steps_needed(PUBLISHED_STEPS),
    config_need(f"{2 * PUBLISHED_STEPS} steps of dynamics", _short_dynamics),
)


def kinds_of(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The runs of every method: dynamics, GD, and the networks, the narrowest first."""
    runs = runs.assign(width=widths_of(runs))
    kinds = {}
    for name, rows in (
        (DYNAMICS_LABEL, runs[runs["baseline"] == DYNAMICS]),
        (GD, runs[(runs["reparam"] == PLAIN) & (runs["baseline"] == NO_BASELINE)]),
    ):
        if not rows.empty:
            kinds[name] = rows
    for width, rows in runs[runs["reparam"] == NETWORK].groupby("width"):
        kinds[f"{GNN} {width:.0f}"] = rows
    return kinds


def widths_of(runs: pd.DataFrame) -> pd.Series:
    """Width of the latent; NaN of what is no network."""
    first = runs["hidden"].astype(str).str.extract(r"^(\d+)-", expand=False)
    return first.astype(float)


def styles_of(names: list[str]) -> dict[str, dict[str, Any]]:
    """Colour and dashes of methods; of networks the paler and the shorter the narrower."""
    styles: dict[str, dict[str, Any]] = {
        DYNAMICS_LABEL: {"color": method_color(DYNAMICS)},
        GD: {"color": METHOD_COLORS[PLAIN]},
    }
    networks = [name for name in names if name.startswith(GNN)][::-1]
    colors = shades(METHOD_COLORS[NETWORK], len(networks))
    for name, color, dashes in zip(networks, colors, cycle(DASHES), strict=False):
        styles[name] = {"color": color, "ls": dashes}
    return {name: styles[name] for name in names}


@styled()
def draw(evidence: Evidence) -> Picture:
    """RMSD against time and against steps; below, typical runs of the methods on the native one."""
    kinds = kinds_of(evidence.runs)
    styles = styles_of(list(kinds))
    picture = Picture(figsize=(PAGE, HISTORY_HEIGHT + STRUCTURE_HEIGHT), layout="constrained")
    layout: Any = picture.get_layout_engine()
    layout.set(rect=(MARGIN, 0, 1 - MARGIN, 1))  # subfigures leave no room for the label
    parts: Any = picture.subfigures(2, 1, height_ratios=[HISTORY_HEIGHT, STRUCTURE_HEIGHT])
    above, under = parts
    panels = above.subplots(1, 2, sharey=True)
    starts = evidence.runs.groupby(START_KEYS, dropna=False)["rmsd_ca_start"].mean()
    for axes, (column, label) in zip(panels, HISTORY_LABELS.items(), strict=True):
        for name, runs in kinds.items():
            _curves(axes, evidence, runs, column, styles[name])
        axes.set_xscale("log")
        plain_decades(axes)
        axes.set_xlabel(label)
        axes.grid(alpha=0.2)
        for height in starts:
            axes.axhline(height, color="0.5", ls=":", lw=0.9)
    panels[0].set_ylabel("RMSD of CA to native / Å")
    handles = [Line2D([], [], lw=TYPICAL_WIDTH, label=name, **styles[name]) for name in kinds]
    handles.append(Line2D([], [], color="0.5", ls=":", lw=0.9, label="starts"))
    handles.append(Line2D([], [], color=NATIVE, lw=2.8, label="native"))
    above.legend(handles=handles, loc="outside upper center", ncols=4)
    _structures(under, evidence, kinds, styles)
    return picture


def _curves(axes: Any, evidence: Evidence, runs: pd.DataFrame, column: str, style: dict[str, Any]) -> None:
    """A thin line a run, a thick one the typical run, which is drawn below."""
    typical = typical_run(runs)["run_id"]
    for _, run in runs.iterrows():
        history = evidence.histories(run["run_id"])
        history = history[history["step"] > 0]  # the axes are logarithmic
        before = before_loop(run) if column == "time_s" else 0.0
        chosen = run["run_id"] == typical
        weight = {"lw": TYPICAL_WIDTH, "zorder": 3} if chosen else {"lw": 0.5, "alpha": 0.6, "ls": "-"}
        axes.plot(before + history[column], history["rmsd_ca"], **(style | weight))


def _structures(
    picture: Any, evidence: Evidence, kinds: dict[str, pd.DataFrame], styles: dict[str, dict[str, Any]]
) -> None:
    """The structures of typical runs of dynamics, GD, the narrowest network and the widest."""
    networks = [name for name in kinds if name.startswith(GNN)]
    wanted = dict.fromkeys((DYNAMICS_LABEL, GD, *networks[:1], *networks[-1:]))
    shown = [name for name in wanted if name in kinds]
    for axes, name in zip(picture.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axes.set_axis_off()
        run = typical_run(kinds[name])
        molecule = evidence.molecules.get(run["structure"])
        if molecule is not None:
            positions = evidence.positions(run["run_id"])
            draw_traces(axes, molecule, {name: (positions, styles[name]["color"])})
            scale_bar(axes, "Å")
        axes.set_title(f"{name}: {run['rmsd_ca']:.2f} Å", fontsize=SMALL)


def claims_of(evidence: Evidence) -> list[Claim]:
    """What the paper's figure 5 says."""
    kinds = kinds_of(evidence.runs)
    networks = {name: runs for name, runs in kinds.items() if name.startswith(GNN)}
    widest = list(networks)[-1] if networks else ""
    none = evidence.runs.iloc[:0].assign(width=np.nan)
    gnn, gd, dynamics = (kinds.get(name, none) for name in (widest, GD, DYNAMICS_LABEL))
    claims = [
        _wider_is_nearer(networks, none),
        _folds(gnn, widest),
        _ends_nearer(gnn, gd, widest),
        on_wall_time(_nearer_in_time(evidence, gnn, dynamics, widest)),
    ]
    starts = len(evidence.runs[START_KEYS].drop_duplicates())
    caveats = (
        f"{starts} starts: runs of one, which differ by noise of 0.01 A alone, count by their mean",
        *(FITTED_TO_START, HALF, ANOTHER_ENERGY),
        *clamp_caveats(evidence),
        *rate_caveats(evidence),
    )
    return [
        claim._replace(needs=(*FOLDING_NEEDS, *claim.needs), caveats=(*caveats, *claim.caveats))
        for claim in claims
    ]


def _wider_is_nearer(networks: dict[str, pd.DataFrame], none: pd.DataFrame) -> Claim:
    """By how much the RMSD changes, as starts are not equally far from the native structure."""
    runs = pd.concat(networks.values()) if networks else none
    moved = _means(runs, _moved(runs), ["width", *START_KEYS])
    tau, verdict = falls(moved["width"], moved["value"])
    starts = moved.groupby("width").size().min()  # of the width that has the fewest
    means = ", ".join(
        f"{name} {rows['rmsd_ca'].mean():.2f} A ({_moved(rows).mean():+.2f})"
        for name, rows in networks.items()
    )
    measured = (
        f"mean final RMSD (and change) {means}; Kendall's tau of width and change {tau:+.2f} over "
        f"{len(moved)} starts and widths"
    )
    verdict = verdict if starts >= FEWEST else Verdict.undecided
    return Claim("wider networks fold further", "figure 5a", measured, verdict)


def _moved(runs: pd.DataFrame) -> pd.Series:
    """By how much the RMSD of each run has changed, in Angstrom; infinite where it diverged."""
    return values_of(runs, "rmsd_ca") - runs["rmsd_ca_start"]


def _means(runs: pd.DataFrame, values: np.ndarray | pd.Series, keys: list[str]) -> pd.DataFrame:
    """The mean `value` of the runs that agree in the keys: of one start, say, as they are near-copies."""
    table = runs[keys].assign(value=np.asarray(values, float))
    return table.groupby(keys, dropna=False, sort=False)["value"].mean().reset_index()


def _folds(gnn: pd.DataFrame, name: str) -> Claim:
    claim = "the widest network brings the chain nearer to the native structure"
    source = "figure 5a (plot: from 6.9 A to 5.7 - 6.5 A)"
    if gnn.empty:
        return Claim(claim, source, NO_RUNS, Verdict.not_tested)
    seen, verdict = below(_means(gnn, _moved(gnn), START_KEYS)["value"], 0.0)
    start, end = gnn["rmsd_ca_start"].mean(), gnn["rmsd_ca"].mean()
    measured = f"{name}: RMSD {start:.2f} A at the start, {end:.2f} A at the end, change {seen}"
    return Claim(claim, source, measured, verdict)


def _ends_nearer(gnn: pd.DataFrame, gd: pd.DataFrame, name: str) -> Claim:
    claim = "the widest network ends nearer to the native structure than GD"
    if gnn.empty or gd.empty:
        return Claim(claim, "figure 5a", NO_RUNS, Verdict.not_tested)
    ours, theirs = (values_of(rows, "rmsd_ca").to_numpy() for rows in (gnn, gd))
    seen, verdict = below(_differences(gnn, ours, gd, theirs), 0.0)
    measured = (
        f"{name} {gnn['rmsd_ca'].mean():.2f} A, GD {gd['rmsd_ca'].mean():.2f} A, difference by starts {seen}"
    )
    return Claim(claim, "figure 5a", measured, verdict)


def _differences(
    first: pd.DataFrame, ours: np.ndarray, second: pd.DataFrame, theirs: np.ndarray
) -> np.ndarray:
    """Means of runs from one start less those of other ones from the same, a number a start."""
    left, right = (
        _means(rows, values, START_KEYS).fillna({"start_seed": -1})
        for rows, values in ((first, ours), (second, theirs))
    )
    both = left.merge(right, on=START_KEYS)
    with np.errstate(invalid="ignore"):
        return (both["value_x"] - both["value_y"]).to_numpy(float)


def _nearer_in_time(evidence: Evidence, gnn: pd.DataFrame, dynamics: pd.DataFrame, name: str) -> Claim:
    """At the time of whichever ends first."""
    claim = "after equal time the widest network is nearer to the native structure than OpenMM's dynamics"
    if gnn.empty or dynamics.empty:
        return Claim(claim, "figure 5a", NO_RUNS, Verdict.not_tested)
    both = with_times(pd.concat([gnn, dynamics]))
    seconds = both.loc[~diverged(both), "time_s"].min()
    ours, theirs = (values_at(evidence, rows, "rmsd_ca", seconds) for rows in (gnn, dynamics))
    seen, verdict = below(_differences(gnn, ours, dynamics, theirs), 0.0)
    means = ours.mean(), theirs.mean()
    measured = (
        f"after {seconds:.0f} s {name} {means[0]:.2f} A, dynamics {means[1]:.2f} A, difference by "
        f"starts {seen}"
    )
    return Claim(claim, "figure 5a", measured, verdict)


def notes_of(evidence: Evidence) -> list[str]:
    """What was scaled down, and what is known of starts and structures."""
    notes = notes_on_networks(evidence)
    if _lacking_start(evidence):
        notes.append(
            f"The authors' own start, {PUBLISHED_START}.pdb, was not run; it is looked for in "
            "paths.structures."
        )
    for name, rows in kinds_of(evidence.runs).items():
        paper = 2 * PUBLISHED_STEPS if name == DYNAMICS_LABEL else PUBLISHED_STEPS
        steps = (rows["steps_coarse"] + rows["steps_fine"]).max()
        notes.append(f"{name}: {steps} steps, {100 * steps / paper:.3g} % of the paper's {paper}.")
    return [*notes, *notes_on_runs(evidence)]


FIGURE = Figure(
    name="fig5",
    title="Figure 5: RMSD to the native structure by dynamics, plain minimisation and networks",
    needs_positions=True,
    needs_histories=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims_of,
    notes=notes_of,
    fixed_grid=True,
    caption=(
        "Above: RMSD of the CA atoms against wall time (slow modes and fit before the first point, "
        f"compilation apart) and against steps, a line a run, the thick one {TYPICAL}. Of networks, "
        "named by their width, the widest has the full colour. A network has half of its steps, then the "
        "positions are free. Below: CA traces of the runs with thick lines on the native structure in grey."
    ),
)
