"""What is logged of a run: a row of its table, and its history."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = "interrupted"
NO_NUMBER = "config_hash"  # though some of them can be read as one


class LoggedRun(NamedTuple):
    """A finished run of one seed.

    Attributes:
        name: `run_id` of its row.
        settings: text by column: what was run, on what, and how it ended.
        numbers: what came out, by column, as in `runs.csv`; units are those of the table.
        history: a row a check, in the order of `step`.
    """

    name: str
    settings: dict[str, str]
    numbers: dict[str, float]
    history: "pd.DataFrame"

    def curves(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Step, and the finite numbers of that step by name: "history/energy"."""
        names = [name for name in self.history.columns if name not in ("seed", "stage", "step")]
        for row in self.history.to_dict("records"):
            values = {f"history/{name}": float(row[name]) for name in names if _is_finite(row[name])}
            yield int(row["step"]), values


def finished_runs(folder: Path) -> list[LoggedRun]:
    """The finished runs in a run's folder.

    Raises:
        UserError: a table cannot be read.
    """
    # They load NumPy, for which the number of threads must be set before: that comes after the callbacks.
    from nnrep.records.run_folder import HISTORY, RUNS
    from nnrep.records.table import read_table, read_text

    rows = [row for row in read_text(folder / RUNS).to_dict("records") if row["status"] != UNFINISHED]
    if not rows:
        return []
    history = read_table(folder / HISTORY)
    return [_run({str(name): str(text) for name, text in row.items()}, history) for row in rows]


def _run(row: Mapping[str, str], history: "pd.DataFrame") -> LoggedRun:
    columns = list(row)
    results = columns[columns.index("status") + 1 :]
    numbers = {name: float(row[name]) for name in results if name != NO_NUMBER and _is_finite(row[name])}
    settings = {name: text for name, text in row.items() if text and name not in numbers}
    own = history[history["seed"] == int(row["seed"])]
    return LoggedRun(row["run_id"], settings, numbers, own)


def _is_finite(value: object) -> bool:
    try:
        return abs(float(value)) < float("inf")  # type: ignore[arg-type]
    except ValueError:
        return False
