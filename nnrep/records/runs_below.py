"""The runs that a folder holds: its own, those of a sweep, or all that are somewhere below it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nnrep.choices.identity import flat, is_in
from nnrep.records.collect import read_runs, runs_of_sweep, tables_in
from nnrep.records.run_folder import CONFIG, read_config
from nnrep.records.sweep_table import is_sweep_table
from nnrep.records.table import Role, check_runs, columns_of
from nnrep.systems.registry import SYSTEMS


class HeldRuns(NamedTuple):
    """A table of runs, and what they were made with.

    Attributes:
        folder: that holds the table.
        rows: the table, in text.
        settings: dotted key -> value, of the configuration beside it; empty where there is none.
    """

    folder: Path
    rows: pd.DataFrame
    settings: Mapping[str, Any]


def runs_below(folder: Path) -> list[HeldRuns]:
    """The tables of runs in a folder and below it, in the order of their paths, numbers by size.

    Raises:
        UserError: there are none, or one of the files cannot be read.
    """
    paths = sorted(tables_in(folder), key=lambda path: by_number(path.parent.relative_to(folder)))
    return [_held(path) for path in paths]


def by_number(path: Path) -> list[tuple[int, str]]:
    """What paths are sorted by, so that 10 comes after 9."""
    return [(int(part) if part.isdecimal() else -1, part) for part in path.parts]


def _held(path: Path) -> HeldRuns:
    rows = runs_of_sweep(path) if is_sweep_table(path) else read_runs(path)
    check_runs(path, rows)
    return HeldRuns(path.parent, rows, read_settings(path.parent))


def read_settings(folder: Path) -> dict[str, Any]:
    """The configuration in a run's folder, by dotted keys (stages by their places); empty without one.

    Raises:
        UserError: it cannot be read.
    """
    path = folder / CONFIG
    if not path.exists():
        return {}
    return flat(_numbered(read_config(path)))


def _numbered(value: Any) -> Any:
    """Plain values with lists of groups, such as stages, as groups of their own, by their places."""
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        value = {str(place): each for place, each in enumerate(value)}
    return {key: _numbered(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def differing_keys(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of which some settings have different values, in the order in which they come up.

    Keys that some do not have, as those of an option that they have not chosen, differ among the others.
    """
    values: dict[str, list[Any]] = {}
    for each in settings:
        for key, value in each.items():
            values.setdefault(key, []).append(value)
    return [key for key, given in values.items() if any(value != given[0] for value in given)]


def problem(row: "pd.Series[Any]", settings: Mapping[str, Any]) -> dict[str, str]:
    """What was minimised, as far as it is known: energies can be compared where nothing of it differs.

    Args:
        row: of a table of runs, in text.
        settings: of its configuration, by dotted keys; empty where it is not known.
    """
    columns = {name: str(row[name]) for name in columns_of(Role.problem)}
    keys = SYSTEMS[row["system"]].energy_keys if row["system"] in SYSTEMS else ()
    deciding = [name for name in settings if any(is_in(name, f"system.{key}") for key in keys)]
    return columns | {name: str(settings[name]) for name in deciding}
