"""Runs of one setting each, from several folders, side by side."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nnrep.choices.identity import as_yaml
from nnrep.errors import UserError
from nnrep.figures.analysis.summary import ENDS, summarise
from nnrep.records.closing_table import SETTINGS, differing_settings
from nnrep.records.runs_below import HeldRuns, differing_keys, problem, runs_below

GROUP = "group"
SEEDS = "seeds"  # which runs there are, and no setting of theirs
# Columns of a summary that a comparison has, as far as the runs do.
COMPARED = [
    *("runs", *(status.name for status in ENDS)),
    *("energy_mean", "energy_std", "energy_median", "energy_best"),
    *("rmsd_ca_mean", "rmsd_ca_best", "rmsd_all_mean", "rmsd_all_best"),
    *("steps_mean", "time_s_mean", "time_s_std", "time_with_compile_s_mean"),
]


class Group(NamedTuple):
    """Runs that differ in their seeds alone.

    Attributes:
        name: the folder, and what is below it where there are several groups.
        rows: of a table of runs, in text.
        settings: dotted key -> value; empty where there is no configuration.
    """

    name: str
    rows: pd.DataFrame
    settings: Mapping[str, Any]

    @property
    def numbers(self) -> pd.DataFrame:
        """The rows, with numbers as such."""
        return pd.read_csv(io.StringIO(self.rows.to_csv(index=False)))


def groups_of(folders: Sequence[Path]) -> list[Group]:
    """The groups in some folders and below them.

    Raises:
        UserError: a folder has no runs, or is named twice, or lies in another one.
    """
    _refuse_repeated(folders)
    return [group for folder in folders for group in _groups(folder)]


def _refuse_repeated(folders: Sequence[Path]) -> None:
    for place, folder in enumerate(folders):
        for other in folders[:place]:
            one, two = folder.resolve(), other.resolve()
            if one == two:
                raise UserError(f"{folder}: is named twice; name each folder once")
            if one in two.parents or two in one.parents:
                raise UserError(f"{folder}: one of it and {other} lies in the other; name folders apart")


def _groups(folder: Path) -> Iterator[Group]:
    parts: dict[tuple[str, str], list[HeldRuns]] = {}
    for held in runs_below(folder):
        for (config, structure), rows in held.rows.groupby(["config_hash", "structure_hash"], sort=False):
            parts.setdefault((str(config), str(structure)), []).append(held._replace(rows=rows))
    for (config, _), several in parts.items():
        rows = pd.concat([held.rows for held in several], ignore_index=True)
        is_apart = len(several) == 1 and several[0].folder != folder
        name = str(several[0].folder) if is_apart else f"{folder} [{config}]"
        settings = {key: value for key, value in several[0].settings.items() if key != SEEDS}
        yield Group(str(folder) if len(parts) == 1 else name, rows, settings)


def settings_table(groups: Sequence[Group]) -> pd.DataFrame:
    """The settings in which groups differ, a row a group; from tables of runs where a configuration lacks."""
    if all(group.settings for group in groups):
        keys = differing_keys([group.settings for group in groups])
        return pd.DataFrame([_shown(group.settings, keys) for group in groups], columns=keys)
    firsts = pd.DataFrame([group.rows.iloc[0][list(SETTINGS)] for group in groups])
    return firsts[differing_settings(firsts)].reset_index(drop=True)


def _shown(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, str]:
    return {key: as_yaml(settings[key]) for key in keys if key in settings}


def compared(groups: Sequence[Group]) -> pd.DataFrame:
    """A row a group: its name, the settings in which groups differ, and statistics over its runs.

    Energies and RMSD are of the runs that have not diverged. `time_s` is what a run costs: modes, fit and
    minimisation; `time_with_compile_s` has compilation besides. See `nnrep.figures.analysis.summary`.
    """
    summary = pd.concat([summarise(group.numbers) for group in groups], ignore_index=True)
    known = [name for name in COMPARED if name in summary.columns]
    names = pd.DataFrame({GROUP: [group.name for group in groups]})
    return pd.concat([names, settings_table(groups), summary[known]], axis="columns")


def not_comparable(groups: Sequence[Group]) -> str | None:
    """Why energies of groups cannot be compared, with the first two that differ; None if they can."""
    problems = [problem(group.rows.iloc[0], group.settings) for group in groups]
    for group, other in zip(groups[1:], problems[1:], strict=True):
        for key in [key for key in problems[0] if key in other]:
            first, second = problems[0][key], other[key]
            if first != second:
                return (
                    f"{key} is {first or 'none'} in {groups[0].name} and {second or 'none'} in {group.name}"
                )
    return None
