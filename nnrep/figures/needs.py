"""The settings that a claim needs: what was scaled down is not tested."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from nnrep.config.schema import RunConfig
from nnrep.figures.evidence import Evidence
from nnrep.figures.provenance import known_values

# The rows of a summary that a need is about.
Rows = Callable[[pd.DataFrame], pd.DataFrame]


class Need(NamedTuple):
    """A setting, or a number of runs, without which a claim is not tested.

    Attributes:
        what: is needed.
        lacking: what the runs have in its place; empty if they have it.
    """

    what: str
    lacking: Callable[[Evidence], str]


def all_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """Of every setting."""
    return summary


def rows_where(**values: object) -> Rows:
    """The settings whose columns have these values; a column that all lack is empty."""

    def rows(summary: pd.DataFrame) -> pd.DataFrame:
        for name, value in values.items():
            column = summary[name] if name in summary.columns else pd.Series(None, summary.index, object)
            summary = summary[column.isna() if value is None else column == value]
        return summary

    return rows


def runs_needed(count: int, rows: Rows = all_rows) -> Need:
    """So many runs of every setting."""

    def lacking(evidence: Evidence) -> str:
        settings = rows(evidence.summary)
        fewest = 0 if settings.empty else int(settings["runs"].min())
        return f"{fewest} runs a setting" if fewest < count else ""

    return Need(f"{count} runs a setting", lacking)


def values_needed(column: str, wanted: Sequence[object], title: str, rows: Rows = all_rows) -> Need:
    """Settings with each of these values of a column of the summary."""

    def lacking(evidence: Evidence) -> str:
        settings = rows(evidence.summary)
        given = set(settings[column].dropna()) if column in settings.columns else set()
        missing = [value for value in wanted if value not in given]
        return f"no {title} {', '.join(map(str, missing))}" if missing else ""

    return Need(f"{title} {', '.join(map(str, wanted))}", lacking)


def steps_needed(count: int) -> Need:
    """So many steps, neither fewer nor more, as far as a run does not stop by itself."""
    return config_need(
        f"max_steps {count}",
        lambda config: (
            f"max_steps {config.max_steps}" if config.minimizes and config.max_steps != count else ""
        ),
    )


def config_need(what: str, lacking: Callable[[RunConfig], str]) -> Need:
    """A need of every configuration.

    Args:
        what: is needed.
        lacking: what a configuration has in its place; empty if it has it, or is not concerned.
    """

    def of_all(evidence: Evidence) -> str:
        return ", ".join(dict.fromkeys(text for config in evidence.configs if (text := lacking(config))))

    return Need(what, of_all)


def _not_of_one_machine(evidence: Evidence) -> str:
    """What commands that made runs differ in, of what times depend on; those of which it is not known differ.

    A command with fewer runs than workers has a worker for each.
    """
    commands = evidence.commands.reindex(columns=["machine", "workers", "runs"])
    if commands.empty:
        return "commands that are not recorded"
    workers = commands["workers"]
    workers = workers.mask((workers < workers.max()) & (workers >= commands["runs"]), workers.max())
    parts = []
    for name, values in (("machine", commands["machine"]), ("workers", workers)):
        known = [*known_values(values), *(["unknown"] if values.isna().any() else [])]
        if len(known) > 1 or known == ["unknown"]:
            parts.append(f"{name} {' and '.join(known)}")
    return ", ".join(parts)


# Of every claim on wall time, see `nnrep.figures.claim.on_wall_time`.
ONE_MACHINE = Need("one machine and number of workers", _not_of_one_machine)


def structures_needed(names: Sequence[str]) -> Need:
    """Runs of each of these molecules."""
    return values_needed("structure", names, "structures")
