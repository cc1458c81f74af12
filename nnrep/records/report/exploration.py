"""The report of a search as an HTML page: its minima, pictures, curves and structures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnrep.host.terminal import log
from nnrep.records.closing_table import common_energy_unit
from nnrep.records.exploration.closing import shown_minima, summary_line
from nnrep.records.exploration.read import read_minima, read_quenches, read_summary
from nnrep.records.exploration.running_minimum import lowest_so_far
from nnrep.records.report.curves import curve, points_of_each
from nnrep.records.report.html import details, paragraph, picture, table
from nnrep.records.report.page import Section, whole_page, write_page
from nnrep.records.report.runs import data_of
from nnrep.records.report.sections import charts, viewer
from nnrep.records.report.structures import MOST_NUMBERS, Scene, in_space, native_of, read_arrays, scene_of
from nnrep.records.report.tables import configuration, shown_table
from nnrep.records.run_folder import (
    EXCHANGE,
    EXPLORATION,
    FUNNEL,
    MINIMA,
    POSITIONS,
    QUENCHES,
    SEARCH,
)
from nnrep.records.runs_below import HeldRuns, read_settings
from nnrep.records.table import read_table, read_text
from nnrep.systems.registry import SYSTEMS

MOST_SHOWN = 20  # minima in the first table
MOST_IN_SPACE = 10


def log_exploration_report(folder: Path) -> None:
    """Write the report at the end of a search, and say where it is."""
    log().info("report: %s", write_exploration_report(folder))


def write_exploration_report(folder: Path) -> Path:
    """Write the report of a search.

    Returns:
        The page.

    Raises:
        UserError: a file cannot be read.
    """
    rows = read_text(folder / EXPLORATION)
    summary, minima = read_summary(folder / EXPLORATION).iloc[0].dropna(), read_minima(folder / MINIMA)
    quenches, system = read_quenches(folder / QUENCHES), str(summary["system"])
    unit = common_energy_unit([system])
    units = (unit, SYSTEMS[system].length_unit if system in SYSTEMS else "")
    held = [HeldRuns(folder, rows, read_settings(folder))]
    data = data_of(_curves(quenches), _scenes(folder, minima), unit)
    sections = [
        Section("Minima", paragraph(summary_line(summary, units)) + _minima(minima, units)),
        *_pictures(folder),
        *charts(data["curves"], len(data["curves"])),
        *viewer(data["scenes"], len(data["scenes"])),
        Section("Exchange between temperatures", _whole(folder / EXCHANGE)),
        Section("Configuration", configuration(held)),
    ]
    name = summary.get("structure", system)
    facts = [folder.resolve().name, *(str(summary[key]) for key in ("device", "versions") if key in summary)]
    return write_page(folder, whole_page(f"{name}: the lowest minima", [" · ".join(facts)], sections, data))


def _pictures(folder: Path) -> list[Section]:
    titles = {FUNNEL: "Energy against RMSD", SEARCH: "Energy and RMSD against time"}
    shown = [(folder / name, title) for name, title in titles.items() if (folder / name).exists()]
    return [Section("Funnel", "".join(picture(*each) for each in shown))] if shown else []


def _minima(minima: pd.DataFrame, units: tuple[str, str]) -> str:
    return shown_table(shown_minima(minima, units, MOST_SHOWN)) + details("All of minima.csv", _table(minima))


def _whole(path: Path) -> str:
    return _table(read_table(path))


def _table(rows: pd.DataFrame) -> str:
    cells = ([_cell(value) for value in row] for row in rows.itertuples(index=False))
    return table(list(rows.columns), cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    return str(value)


def _curves(quenches: pd.DataFrame) -> list[dict[str, Any]]:
    """The lowest energy so far of each ladder, and the RMSD of that minimum."""
    curves, ladders = [], quenches.groupby("seed", sort=False)
    for seed, rows in ladders:
        names = [name for name in rows.columns if name.startswith("rmsd")]
        lowest = lowest_so_far(rows)[["energy", *names]].reset_index(drop=True)
        own = rows[["step", "time_s"]].reset_index(drop=True).assign(stage="search")
        whole = pd.concat([own, lowest], axis=1).groupby("step", as_index=False).last()
        curves.append(curve(whole, f"ladder {seed}", "search", points_of_each(len(ladders))))
    return curves


def _scenes(folder: Path, minima: pd.DataFrame) -> list[tuple[float, Scene | None]]:
    """The start and the lowest minima, superposed on the native structure, each with its energy."""
    path = folder / POSITIONS
    if not path.exists() or not len(minima):
        return []
    arrays = read_arrays(path, ("start", "minima"))
    pdb, scale = native_of(folder)
    start = scale * in_space(arrays["start"])
    most = max(1, min(MOST_IN_SPACE, MOST_NUMBERS // max(1, 2 * start.size)))
    scenes = []
    for rank, positions in enumerate(arrays["minima"][:most]):
        parts = {"start": start, "end": scale * in_space(np.asarray(positions, float))}
        made = scene_of(f"minimum {rank + 1}", pdb, parts)
        scenes.append((float(minima["energy"].iloc[rank]), made))
    return scenes
