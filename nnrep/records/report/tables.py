"""The tables of a report: runs, and their configurations."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from nnrep.choices.identity import as_yaml
from nnrep.records.closing_table import Shown, table_of_run, table_of_sweep
from nnrep.records.report.curves import read_history
from nnrep.records.report.html import details, paragraph, table, text_block
from nnrep.records.run_folder import CONFIG, HISTORY, RUNS
from nnrep.records.runs_below import HeldRuns, differing_keys
from nnrep.records.sweep_table import is_sweep_table
from nnrep.records.table import ERROR, read_table, read_text


def tables_of_runs(folder: Path, held: Sequence[HeldRuns], rows: pd.DataFrame) -> str:
    """The closing table, why jobs failed, and all columns."""
    if len(held) == 1 and held[0].folder == folder and not is_sweep_table(folder / RUNS):
        shown = table_of_run(read_table(folder / RUNS), read_history(folder / HISTORY, "seed"))
        return shown_table(shown) + _all_columns(rows)
    whole = rows.set_index(pd.Index([_job(folder, each) for each in held for _ in range(len(each.rows))]))
    return _failures(folder) + shown_table(table_of_sweep(whole)) + _all_columns(rows)


def _job(folder: Path, held: HeldRuns) -> str:
    return held.folder.relative_to(folder).as_posix()


def _failures(folder: Path) -> str:
    """Of a sweep, the jobs that could not be run."""
    path = folder / RUNS
    rows = read_text(path) if path.exists() and is_sweep_table(path) else pd.DataFrame({ERROR: []})
    return "".join(paragraph(f"Not run: {reason}") for reason in rows[ERROR] if reason)


def shown_table(columns: Sequence[Shown]) -> str:
    """A closing table."""
    titles = [f"{column.title}\n{column.unit}".rstrip() for column in columns]
    texts = [place for place, column in enumerate(columns) if column.is_text]
    return table(titles, zip(*(column.cells for column in columns), strict=True), texts)


def _all_columns(rows: pd.DataFrame) -> str:
    """Every column of the tables that has a value, a line each."""
    filled = [name for name in rows.columns if (rows[name] != "").any()]
    lines = [[name, *rows[name]] for name in filled]
    text = range(len(rows) + 1)
    content = table(["column", *([""] * len(rows))], lines, list(text))
    return details("All columns of runs.csv", content + paragraph(UNITS))


UNITS = (
    "Energies are in the unit of the system (proteins: kJ/mol), RMSD and radius of gyration in Å, times "
    "(time_*_s) in seconds."
)


def configuration(held: Sequence[HeldRuns]) -> str:
    """The configuration: of several runs what they share, and a table of what differs."""
    known = [each for each in held if each.settings]
    if not known:
        return paragraph("The folder holds no configuration.")
    if len(known) == 1:
        return details(CONFIG, text_block((known[0].folder / CONFIG).read_text(encoding="utf-8")))
    differ = differing_keys([each.settings for each in known])
    rows = [[key, *(_text(each, key) for each in known)] for key in differ]
    above = os.path.commonpath([each.folder for each in known])
    names = [each.folder.relative_to(above).as_posix() for each in known]  # of two sweeps: a/0, b/0
    columns = table(["setting", *names], rows, list(range(len(names) + 1)))
    same = text_block("\n".join(_common(known, differ)))
    return (columns if differ else "") + details("What does not differ", same)


def _text(held: HeldRuns, key: str) -> str:
    return as_yaml(held.settings[key]) if key in held.settings else ""


def _common(known: Sequence[HeldRuns], differ: Collection[str]) -> Iterator[str]:
    """The settings that do not differ, a line each."""
    values = {key: value for each in known for key, value in each.settings.items() if key not in differ}
    for key, value in values.items():
        have = sum(key in each.settings for each in known)
        yield f"{key}: {as_yaml(value)}" + (
            "" if have == len(known) else f"  ({have} of {len(known)} have it)"
        )
