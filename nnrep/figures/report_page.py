"""The report of a figure's results as an HTML page: claims, picture, settings, runs."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from nnrep.errors import UserError
from nnrep.figures.claim import JOINED_BY, Verdict, totals
from nnrep.figures.claims_file import read_claims
from nnrep.figures.markdown import formatted_cells
from nnrep.figures.registry import FIGURES
from nnrep.figures.report import COMMAND_TITLES, SUMMARY_COLUMNS
from nnrep.figures.result_files import CLAIMS, COMMANDS, REPEATS, SUMMARY
from nnrep.host.text import counted
from nnrep.records.closing_table import common_energy_unit, table_of_sweep
from nnrep.records.collect import read_runs
from nnrep.records.report.curves import MOST_CURVES, curve, points_of_each, read_history
from nnrep.records.report.html import details, paragraph, picture, table
from nnrep.records.report.page import Section, whole_page, write_page
from nnrep.records.report.runs import data_of, facts
from nnrep.records.report.sections import charts, viewer
from nnrep.records.report.seeds import Seed, lowest, named_seeds
from nnrep.records.report.structures import MOST_STRUCTURES, Scene, in_space, scene_of
from nnrep.records.report.tables import shown_table
from nnrep.records.run_folder import RUNS
from nnrep.records.runs_below import HeldRuns
from nnrep.records.table import check_runs, read_table
from nnrep.sweep.store import HISTORIES, POSITIONS

BEADS = ""  # the structure of runs that have none


def is_figure(folder: Path) -> bool:
    """Whether a folder holds results of a figure, claims or not."""
    return (folder / CLAIMS).exists() and (folder / RUNS).exists()


def write_figure_report(folder: Path) -> Path:
    """Write the report of a figure's results.

    Returns:
        The page.

    Raises:
        UserError: a file cannot be read.
    """
    name = next((name for name in FIGURES if (folder / f"{name}.png").exists()), folder.name)
    rows = _read_checked(folder / RUNS)
    seeds = named_seeds(folder, [HeldRuns(folder, rows, {})])
    unit = common_energy_unit(rows["system"])
    data = data_of(_curves(folder, seeds), _scenes(folder, seeds), unit)
    sections = [
        *_picture(folder, name),
        Section("Claims", _claims(read_claims(folder / CLAIMS))),
        *charts(data["curves"], len(seeds)),
        *viewer(data["scenes"], len(seeds)),
        *_settings(folder),
        Section("Runs", _runs(folder, rows)),
        *_commands(folder),
    ]
    title = FIGURES[name].title if name in FIGURES else name
    return write_page(folder, whole_page(title, facts(folder, rows), sections, data))


def _picture(folder: Path, name: str) -> list[Section]:
    path = folder / f"{name}.png"
    if not path.exists():
        return []
    caption = FIGURES[name].caption if name in FIGURES else ""
    return [Section("Picture", paragraph(caption) + picture(path, path.name))]


def _claims(claims: pd.DataFrame) -> str:
    """How many claims have which verdict, and a table of them."""
    head = "".join(f'<th class="text">{title}</th>' for title in ("claim", "verdict", "measured"))
    body = "\n".join(_claim(row) for _, row in claims.iterrows())
    return (
        f'{paragraph(totals(claims))}<table class="claims"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table>"
    )


def _claim(row: pd.Series) -> str:
    """A claim with its source and needs, its verdict with the caveats, and what was measured, a line each."""
    source = f"{row['of']}: {row['source']}"
    needs = f"needs: {row['needs']}" if row["needs"] else ""
    measured = "<br>".join(map(escape, row["measured"].split(JOINED_BY)))
    cells = (
        f"{escape(row['claim'])}{_small(source)}{_small(needs)}",
        f"{_badge(row['verdict'])}{_small(row['caveats'])}",
        measured,
    )
    return "<tr>" + "".join(f'<td class="text">{cell}</td>' for cell in cells) + "</tr>"


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""


def _badge(verdict: str) -> str:
    """A verdict with its colour; its own text where it is none that is known."""
    name = next((known.name for known in Verdict if known.value == verdict), "")
    return f'<span class="badge {name}">{escape(verdict)}</span>'


def _settings(folder: Path) -> list[Section]:
    """A row a setting, if the folder has them."""
    path = folder / SUMMARY
    if not path.exists():
        return []
    summary = read_table(path)
    content = _table(summary.dropna(axis="columns", how="all"), SUMMARY_COLUMNS)
    explained = (
        "A row for each setting, over its runs that have not diverged; energies of proteins in kJ/mol."
    )
    return [Section("Settings", paragraph(explained) + content)]


def _runs(folder: Path, rows: pd.DataFrame) -> str:
    """The rows of the figure's tables of runs."""
    parts = [details(f"{RUNS}: {counted(len(rows), 'run')}", shown_table(_numbered(rows)))]
    repeats = _read_checked(folder / REPEATS) if (folder / REPEATS).exists() else rows[:0]
    if len(repeats):
        title = f"{REPEATS}: {counted(len(repeats), 'run')} with fresh seeds"
        parts.append(details(title, shown_table(_numbered(repeats))))
    return "".join(parts)


def _numbered(rows: pd.DataFrame) -> list:
    columns = table_of_sweep(rows.reset_index(drop=True))
    return [column._replace(title="row") if column.title == "job" else column for column in columns]


def _commands(folder: Path) -> list[Section]:
    """The commands that made the runs, if they are recorded."""
    path = folder / COMMANDS
    if not path.exists():
        return []
    return [Section("Commands", _table(read_table(path), COMMAND_TITLES))]


def _table(rows: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> str:
    """The columns of a table that are to be shown, as `formatted_cells` has them; text begins on the left."""
    titles, cells = formatted_cells(rows, columns)
    is_text = [rows[name].dtype == object for name in columns if name in rows.columns]
    return table(titles, cells, np.flatnonzero(is_text).tolist())


def _curves(folder: Path, seeds: Sequence[Seed]) -> list[dict]:
    """Of the runs whose histories are kept, those of the lowest energies."""
    paths = {seed.row["run_id"]: folder / HISTORIES / f"{seed.row['run_id']}.csv.gz" for seed in seeds}
    kept = lowest([seed for seed in seeds if paths[seed.row["run_id"]].exists()], MOST_CURVES)
    most = points_of_each(len(kept))
    return [curve(read_history(paths[seed.row["run_id"]]), seed.label, seed.problem, most) for seed in kept]


def _scenes(folder: Path, seeds: Sequence[Seed]) -> list[tuple[float | None, Scene | None]]:
    """Where runs of beads ended, as far as that is kept; a figure keeps no structure files of proteins."""
    beads = [seed for seed in seeds if seed.row["structure"] == BEADS]
    paths = {seed.row["run_id"]: folder / POSITIONS / f"{seed.row['run_id']}.npy" for seed in beads}
    kept = lowest([seed for seed in beads if paths[seed.row["run_id"]].exists()], MOST_STRUCTURES)
    final = (_end(paths[seed.row["run_id"]]) for seed in kept)
    return [
        (seed.energy, scene_of(seed.label, None, {"end": end})) for seed, end in zip(kept, final, strict=True)
    ]


def _end(path: Path) -> np.ndarray:
    """Positions (n, 3) from a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return in_space(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error


def _read_checked(path: Path) -> pd.DataFrame:
    """The rows of a table of runs; raises `UserError` where a value cannot be what its column holds."""
    rows = read_runs(path)
    check_runs(path, rows)
    return rows
