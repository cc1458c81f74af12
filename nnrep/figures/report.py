"""REPORT.md: what was run, on what, and what follows from it."""

from pathlib import Path

import pandas as pd

from nnrep.figures.analysis.labels import NO_BASELINE
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.beyond import BEYOND_EXPLAINED, beyond_table
from nnrep.figures.claim import totals
from nnrep.figures.comparison import POWER_EXPLAINED
from nnrep.figures.departures import notes_on_energy
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure
from nnrep.figures.markdown import formatted, formatted_table, markdown_table
from nnrep.host.cache import write_whole

REPORT = "REPORT.md"
TESTS_EXPLAINED = (
    "Tests: Welch's 95 % interval for two means (Student's for a mean and a fixed number), Mann and "
    "Whitney's test for two methods over all of their settings, Kendall's for trends, Kruskal and "
    "Wallis's for groups, and the exact binomial test against one half for shares of runs. Published "
    "numbers come without their runs, so that they are compared directly, as are numbers whose claim says "
    "so. A diverged run counts as infinitely high, and leaves a comparison of means undecided. Fewer than "
    "six runs of a setting decide nothing by a test: five of five agree by chance in 1 of 16 cases; numbers "
    "that are compared directly need no more than the paper has. A claim is not tested if the runs lack a "
    'setting that its row says it needs. A claim of several parts ("for all six proteins") holds if all of '
    "them hold, and does not hold if one part refutes it at 5 % divided by the number of parts: one of six "
    "95 % intervals lies on the wrong side by chance in up to 14 % of cases. The intervals that are quoted "
    "are of 95 %. Claims are tested one by one: of twenty that are decided at 95 %, one may be wrong."
)
# Column of the summary -> its title in the report, and its format.
SUMMARY_COLUMNS = {
    "structure": ("structure", "{}"),
    "potential": ("potential", "{}"),
    "start": ("start", "{}"),
    "start_seed": ("start seed", "{:.0f}"),
    "n": ("n", "{}"),
    "baseline": ("baseline", "{}"),
    "reparam": ("map", "{}"),
    "modes": ("modes", "{}"),
    "hidden": ("widths", "{}"),
    "learning_rate": ("lr", "{:g}"),
    "learning_rate_coarse": ("coarse lr", "{:g}"),
    "min_delta": ("min_delta", "{:g}"),
    "runs": ("runs", "{}"),
    "diverged": ("diverged", "{}"),
    "energy_mean": ("energy, mean", "{:.6g}"),
    "energy_std": ("energy, std", "{:.3g}"),
    "energy_best": ("energy, best", "{:.6g}"),
    "energy_over_bound": ("over bound", "{:.3f}"),
    "bond_fraction_mean": ("bonds, mean", "{:.2f}"),
    "contact_fraction_mean": ("contacts, mean", "{:.2f}"),
    "pieces_mean": ("pieces, mean", "{:.1f}"),
    "rmsd_ca_mean": ("RMSD CA, mean / A", "{:.2f}"),
    "rmsd_ca_std": ("RMSD CA, std / A", "{:.2f}"),
    "steps_mean": ("steps, mean", "{:.0f}"),
    "time_modes_fresh_s_mean": ("modes, mean / s", "{:.2f}"),
    "time_fit_s_mean": ("fit, mean / s", "{:.2f}"),
    "time_minimize_s_mean": ("minimise, mean / s", "{:.2f}"),
    "time_s_mean": ("sum, mean / s", "{:.2f}"),
    "time_s_std": ("sum, std / s", "{:.2f}"),
    "time_compile_alone_s": ("compile, longest / s", "{:.2f}"),
    "time_with_compile_s_mean": ("total, mean / s", "{:.2f}"),
}
# The same, of the table of methods beyond the paper.
BEYOND_COLUMNS = {
    **{name: SUMMARY_COLUMNS[name] for name in ("structure", "potential", "start", "start_seed", "n")},
    "method": ("method", "{}"),
    **{name: SUMMARY_COLUMNS[name] for name in ("modes", "hidden", "learning_rate")},
    "picked_from": ("picked from", "{}"),
    "energy_median": ("energy, median", "{:.6g}"),
    "energy_mean": ("energy, mean", "{:.6g}"),
    "energy_best": ("energy, best", "{:.6g}"),
    "energy_worst": ("energy, worst", "{:.6g}"),
    "time_s_median": ("sum, median / s", "{:.2f}"),
    "evaluations_median": ("evaluations, median", "{:.0f}"),
    "gradient_rms_median": ("RMS gradient, median", "{:.2g}"),
    "ended": ("ended as", "{}"),
}

COMMAND_TITLES = {
    "date": ("date", "{}"),
    "command": ("command", "{}"),
    "runs": ("runs", "{:.0f}"),
    "wall_s": ("wall time, all runs / s", "{:.1f}"),
    "workers": ("workers", "{:.0f}"),
    "commit": ("commit", "{}"),
    "machine": ("machine", "{}"),
}


def write_report(
    folder: Path,
    figure: Figure,
    evidence: Evidence,
    claims: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    beyond: pd.DataFrame,
    errors: dict[str, str],
    power: pd.DataFrame | None = None,
) -> None:
    """Write the report into a folder that holds the figure's files.

    Args:
        folder: where.
        figure: whose.
        evidence: what it was drawn from.
        claims: see `nnrep.figures.claim.claims_table`.
        tables: the figure's own, by name.
        beyond: runs that the paper does not have, a row a run.
        errors: setting -> why it could not be run.
        power: see `nnrep.figures.comparison.power_table`; None or empty where no seeds were added.
    """
    parts = [
        f"# {figure.title}",
        f"![{figure.title}]({figure.name}.png)",
        figure.caption,
        "## Claims",
        f"{totals(claims)} {TESTS_EXPLAINED}",
        markdown_table(list(claims.columns), claims.to_numpy().tolist()),
        *_power(power),
        *_tables(tables),
        *_beyond(evidence, beyond),
        *_notes([*notes_on_energy(evidence), *figure.notes(evidence)]),
        *_missing(errors | {f"structure {name}": why for name, why in evidence.missing.items()}),
        "## How it was made",
        _circumstances(evidence, beyond),
        formatted_table(evidence.commands, COMMAND_TITLES),
        "## Settings",
        "Mean, standard deviation and best are over the runs that have not diverged. Times are means for one "
        "run: slow modes (as if nothing were stored), fit, minimisation, and their sum; then the longest "
        "compilation of a run of this shape, and the total with it.",
        _settings(evidence.summary),
        *_repeats(evidence),
        "Files: `runs.csv` (a row for each run), `repeats.csv` (settings with fresh seeds), `summary.csv` (a "
        f"row for each setting, more columns), {_files_beyond(beyond)}`claims.csv`, `commands.csv`, "
        f"`{figure.name}.png`, `{figure.name}.pdf`.",
    ]
    write_whole(folder / REPORT, ("\n\n".join(parts) + "\n").encode())


def _files_beyond(beyond: pd.DataFrame) -> str:
    both = "`beyond.csv` and `beyond_summary.csv` (methods beyond the paper), "
    return "" if beyond.empty else both


def _power(power: pd.DataFrame | None) -> list[str]:
    """Rule and outcome of the seeds that were added, if any were."""
    if power is None or power.empty:
        return []
    return ["## Seeds added in steps", POWER_EXPLAINED, *_tables({"power": power})[1:]]


def _tables(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The figure's own tables, with numbers of four digits."""
    parts = []
    for name, table in tables.items():
        rows = [
            [formatted("{:.4g}", cell) if isinstance(cell, float) else cell for cell in row]
            for row in table.to_numpy()
        ]
        parts += [f"## {name}", markdown_table(list(table.columns), rows)]
    return parts


def _beyond(evidence: Evidence, beyond: pd.DataFrame) -> list[str]:
    """The methods that the paper does not have beside its own, if any were run."""
    if beyond.empty:
        return []
    table = beyond_table(evidence.runs, evidence.summary, beyond).dropna(axis="columns", how="all")
    return ["## Beyond the paper", BEYOND_EXPLAINED, formatted_table(table, BEYOND_COLUMNS)]


def _notes(notes: list[str]) -> list[str]:
    """What else is to be known, if anything."""
    return ["## Notes", "\n".join(f"- {note}" for note in notes)] if notes else []


def _missing(errors: dict[str, str]) -> list[str]:
    """Settings that could not be run, if any."""
    if not errors:
        return []
    return ["## Not run", markdown_table(["setting", "why"], list(errors.items()))]


def _circumstances(evidence: Evidence, beyond: pd.DataFrame) -> str:
    """Machine, versions, and how the runs ended."""
    runs, commands = evidence.runs, evidence.commands
    devices, versions, precisions = (
        dict.fromkeys([*runs[name], *beyond[name]]) for name in ("device", "versions", "precision")
    )
    ended = ", ".join(f"{status} {count}" for status, count in runs["status"].value_counts().items())
    lines = [
        f"- devices: {'; '.join(devices)}",
        f"- machines: {_known(commands['machine'])}",
        f"- commits: {_known(commands['commit'])}",
        f"- versions: {' | '.join(versions)}",
        f"- precision: {', '.join(precisions)}",
        f"- runs: {len(runs)} of {runs['config_hash'].nunique()} settings; ended as {ended}",
        f"- sums over the runs: {runs['time_total_s'].sum():.0f} s, of which minimisation "
        f"{runs['time_minimize_s'].sum():.0f} s and compilation {runs['time_compile_s'].sum():.0f} s",
    ]
    if len(beyond):
        lines.append(f"- beyond the paper: {len(beyond)} runs, in sum {beyond['time_total_s'].sum():.0f} s")
    unknown = len(runs) + len(evidence.repeats) + len(beyond) - int(commands["runs"].sum())
    if unknown > 0:
        lines.append(f"- {unknown} runs are of commands that are not recorded here")
    return "\n".join(lines)


def _known(values: pd.Series) -> str:
    """Different values; unknown where a command has left none."""
    return "; ".join(dict.fromkeys("unknown" if pd.isna(value) else str(value) for value in values))


def _repeats(evidence: Evidence) -> list[str]:
    """The settings that were run again, if any."""
    if evidence.repeats.empty:
        return []
    return ["## Best settings again, with fresh seeds", _settings(summarise(evidence.repeats))]


def _settings(summary: pd.DataFrame) -> str:
    """A row a setting, the baseline only where there is one."""
    left_out = ["baseline"] if (summary["baseline"] == NO_BASELINE).all() else []
    return formatted_table(summary.drop(columns=left_out), SUMMARY_COLUMNS)
