"""Figure 8: energy against time, linear coarse-graining (CG) against plain minimisation (GD)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Picture

from nnrep.config.schema import RunConfig
from nnrep.errors import require
from nnrep.figures.classical import check_methods, notes_on_energy
from nnrep.figures.fig8_claims import claims
from nnrep.figures.fig8_settings import CG, GD, repeated
from nnrep.figures.figure import Evidence, Figure
from nnrep.figures.methods import COLORS, METHODS, distinct_ends, energies_of, plain_decades, values_of
from nnrep.figures.problems import of_problem, problems_of
from nnrep.figures.statistics import deviation, difference
from nnrep.figures.summary import with_times
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.protein import Start

COLUMN, ROW = 3.9, 4.1  # inches
BELOW = (0.5, -0.17)  # the axes, of which it is a share
STARTS = (Start.extended, Start.random)
SMALLEST, LARGEST = 4.0, 13.0  # points across, of no modes and of all
COLUMNS = [
    *(
        "potential",
        "start",
        "structure",
        "atoms",
        "modes",
        "modes / atoms",
        "runs",
        "E CG",
        "std",
        "E GD",
        "std GD",
    ),
    *(
        "E start CG",
        "E start GD",
        "distinct CG",
        "distinct GD",
        "CG - GD",
        "from",
        "to",
        "t CG / s",
        "t GD / s",
        "t CG / t GD",
    ),
]


def draw(evidence: Evidence) -> Picture:
    """A row a start, a column a structure; a dot a setting, the larger the more modes."""
    problems = problems_of(evidence.summary)
    starts = list(dict.fromkeys((problem.potential, problem.start) for problem in problems))
    structures = list(dict.fromkeys(problem.structure for problem in problems))
    size = COLUMN * len(structures), ROW * len(starts)
    picture = Picture(figsize=size, layout="constrained")
    panels = picture.subplots(len(starts), len(structures), squeeze=False)
    for problem in problems:
        row, column = starts.index((problem.potential, problem.start)), structures.index(problem.structure)
        axes = panels[row, column]
        _panel(axes, of_problem(evidence.summary, problem))
        axes.set_title(f"{problem.structure}, {problem.start} start", fontsize=10)
        axes.set_xlabel("modes and minimisation / s")
        axes.set_ylabel("energy / kJ/mol")
    return picture


def _panel(axes: Any, settings: pd.DataFrame) -> None:
    """Means and standard deviations over the runs of each setting."""
    axes.set_xscale("log")
    axes.grid(alpha=0.2)
    for _, setting in settings.sort_values("modes").iterrows():
        share = setting["modes"] / setting["n"]
        plain = setting["reparam"] == GD
        name = METHODS[setting["reparam"]]
        time, aside = setting["time_s_mean"], np.nan_to_num(setting["time_s_std"])
        axes.errorbar(
            time,
            setting["energy_mean"],
            xerr=[[min(aside, 0.99 * time)], [aside]],
            yerr=np.nan_to_num(setting["energy_std"]),
            fmt="x" if plain else "o",
            ms=8 if plain else SMALLEST + share * (LARGEST - SMALLEST),
            color=COLORS[setting["reparam"]],
            alpha=0.9 if plain else 0.65,
            elinewidth=0.7,
            label=name if plain else f"{name}, {setting['modes']:.0f} modes ({100 * share:.0f} %)",
        )
    plain_decades(axes)
    axes.legend(fontsize=7, frameon=False, markerscale=0.6, loc="upper center", bbox_to_anchor=BELOW, ncols=2)


def tables(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """CG beside GD: a row a problem and number of modes."""
    runs = with_times(evidence.runs)
    rows = []
    for problem in problems_of(evidence.summary):
        own = of_problem(runs, problem)
        plain = own[own["reparam"] == GD]
        for _, mapped in own[own["reparam"] == CG].groupby("config_hash", sort=False):
            seen = difference(energies_of(mapped), energies_of(plain))
            times = [values_of(kind, "time_s").mean() for kind in (mapped, plain)]
            energies = [energies_of(kind) for kind in (mapped, plain)]
            n, modes = (int(mapped[name].iloc[0]) for name in ("n", "modes"))
            spread = [part for values in energies for part in (values.mean(), deviation(values))]
            ratio = times[0] / times[1] if np.isfinite(times).all() else np.nan
            begun = [kind["energy_start"].mean() for kind in (mapped, plain)]
            ends = [distinct_ends(kind) for kind in (mapped, plain)]
            row = [*problem, n, modes, modes / n, len(mapped), *spread, *begun, *ends, *seen, *times, ratio]
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return {"cg_against_gd": pd.DataFrame(rows, columns=COLUMNS)}


def notes(evidence: Evidence) -> list[str]:
    """What is known of learning rates, starts and seeds."""
    fine, coarse = (_rates(evidence.runs[name]) for name in ("learning_rate", "learning_rate_coarse"))
    return [
        f"Learning rates in A: of the positions {fine}, of CG's modes {coarse}, for its first half of the "
        "steps. The paper has 1e-2, which is taken to be in A. GD at a higher rate was not run here.",
        "CG begins at the start's projection onto its modes, whose energy is another one (E start CG).",
        *notes_on_energy(evidence),
    ]


def _rates(rates: pd.Series) -> str:
    """Learning rates of nm, in Angstrom."""
    return " or ".join(f"{ANGSTROM_PER_NM * rate:g}" for rate in rates.dropna().unique()) or "none"


def check(config: RunConfig) -> None:
    """Raise `ConfigError` for what is not compared here."""
    check_methods(config)
    start = config.system.start
    require(start in STARTS, "system.start", "extended or random in figure 8", start.value)


FIGURE = Figure(
    name="fig8",
    title="Figure 8: energy against time on the classical energy, CG against GD",
    needs_positions=False,
    needs_histories=True,
    repeated=repeated,
    draw=draw,
    claims=claims,
    tables=tables,
    notes=notes,
    fixed_grid=True,
    check=check,
    caption=(
        "A dot is a setting of CG (blue), the larger the more modes, a cross is GD (orange): means and "
        "standard deviations over the runs. A row is a start: the stacked chain, and random positions, of "
        "which CG takes the projection onto its modes. The "
        "best setting of CG is picked from the grid by its mean energy, and compared with GD by fresh seeds."
    ),
)
