"""The report of a run, of a sweep, or of all runs below a folder."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nnrep.host.terminal import log
from nnrep.host.text import counted
from nnrep.records.closing_table import SETTINGS, common_energy_unit
from nnrep.records.report.curves import MOST_CURVES, curve, points_of_each, read_history
from nnrep.records.report.page import Section, whole_page, write_page
from nnrep.records.report.sections import charts, pictures, viewer
from nnrep.records.report.seeds import MOST_NAMED, Seed, lowest, named_seeds
from nnrep.records.report.structures import MOST_NUMBERS, MOST_STRUCTURES, Scene, scene
from nnrep.records.report.tables import configuration, tables_of_runs
from nnrep.records.run_folder import HISTORY
from nnrep.records.runs_below import HeldRuns, runs_below
from nnrep.systems.registry import SYSTEMS

USUAL = (("baseline", "none"), ("modes", "0"))  # settings that say nothing


def write_report(folder: Path) -> Path:
    """Write the report of the runs in and below a folder.

    Returns:
        The page.

    Raises:
        UserError: there are no runs, or a file cannot be read.
    """
    held = runs_below(folder)
    return write_page(folder, whole_page(*contents(folder, held)))


def log_report(folder: Path) -> None:
    """Write the report at the end of a run or a sweep, and say where it is; raises as `write_report` does."""
    log().info("report: %s", write_report(folder))


def contents(folder: Path, held: Sequence[HeldRuns]) -> tuple[str, list[str], list[Section], dict[str, Any]]:
    """Title, lines of facts, sections and data of a page."""
    rows = pd.concat([each.rows for each in held], ignore_index=True)
    seeds = named_seeds(folder, held)
    data = drawn(seeds)
    sections = [
        Section("Runs", tables_of_runs(folder, held, rows)),
        *charts(data["curves"], len(seeds)),
        *viewer(data["scenes"], len(seeds)),
        *pictures(folder, held),
        Section("Configuration", configuration(held)),
    ]
    title = f"{_subject(rows) or folder.resolve().name}: {counted(len(rows), 'run')}"
    return title, facts(folder, rows), sections, data


def facts(folder: Path, rows: pd.DataFrame) -> list[str]:
    """Settings that all runs have in common, and where and on what they were made: a line each."""
    same = {name: rows[name].iloc[0] for name in SETTINGS if rows[name].nunique() == 1}
    common = [f"{name} {value}" for name, value in same.items() if value and (name, value) not in USUAL]
    circumstances = [value for name in ("device", "versions") for value in _values(rows, name)]
    return [" · ".join(common), " · ".join([folder.resolve().name, *circumstances])]


def drawn(seeds: Sequence[Seed]) -> dict[str, Any]:
    """What the scripts of the page draw: curves and scenes, of the lowest energies where there are many."""
    unit = common_energy_unit(seed.row["system"] for seed in seeds)
    shown, in_space = lowest(seeds, MOST_CURVES), lowest(seeds, structures_shown(seeds))
    most = points_of_each(len(shown))
    histories = {folder: read_history(folder / HISTORY, "seed") for folder in {seed.folder for seed in shown}}
    curves = []
    for seed in shown:
        history = histories[seed.folder]
        own = history[history["seed"] == seed.seed].drop(columns="seed")
        if len(own):
            curves.append(curve(own, seed.label, seed.problem, most))
    share = MOST_NUMBERS // max(1, len(in_space))
    scenes = [
        (seed.energy, scene(seed.label, seed.folder, seed.seed, share, is_chain(seed.row["system"])))
        for seed in in_space
    ]
    return data_of(curves, scenes, unit)


def is_chain(system: str) -> bool:
    """Whether particles of a system by this name are joined to those that follow them."""
    return system not in SYSTEMS or not SYSTEMS[system].has_like_particles


def structures_shown(seeds: Sequence[Seed]) -> int:
    """How many runs may have their start and end in a page: fewer of large systems."""
    largest = max((int(float(seed.row["n"])) for seed in seeds), default=1)
    return max(1, min(MOST_STRUCTURES, MOST_NUMBERS // (2 * 3 * largest)))


def data_of(
    curves: list[dict[str, Any]], scenes: Iterable[tuple[float | None, Scene | None]], unit: str
) -> dict[str, Any]:
    """The data of a page, of scenes with their energies; native structures of several stand in it once."""
    kept = [each | {"energy": energy} for energy, each in scenes if each is not None]
    structures = list(dict.fromkeys(each["pdb"] for each in kept if each["pdb"] is not None))
    for each in kept:
        each["pdb"] = None if each["pdb"] is None else structures.index(each["pdb"])
    return {"energyUnit": unit, "curves": curves, "structures": structures, "scenes": kept}


def _subject(rows: pd.DataFrame) -> str:
    """What was minimised: up to three structures or systems by name."""
    names = _values(rows, "structure") or _values(rows, "system")
    return ", ".join(names[:MOST_NAMED]) + (
        f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    )


def _values(rows: pd.DataFrame, column: str) -> list[str]:
    return [value for value in dict.fromkeys(rows[column]) if value]
