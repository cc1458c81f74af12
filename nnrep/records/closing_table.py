"""The closing tables of the verbs, on standard output."""

from collections.abc import Iterable, Mapping, Sequence
from math import floor, isfinite, log10, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table
from rich.text import Text

from nnrep.host.terminal import print_line, print_table, printable
from nnrep.minimization import Status
from nnrep.records.table import ERROR, TEXTS, Role, columns_of
from nnrep.systems.registry import SYSTEMS

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6  # of the lowest energy in a column
MOST_DECIMALS = 8
ENERGY = "energy"  # in the place of a unit: that of the system


class Titled(NamedTuple):
    """What a column of a closing table is made from.

    Attributes:
        title: above it.
        source: column of the table of runs.
        unit: below the title.
        decimals: of its numbers; None for text and whole numbers, and for energies, see `DIGITS`.
    """

    title: str
    source: str
    unit: str = ""
    decimals: int | None = None


class Shown(NamedTuple):
    """A column of a closing table as it is shown.

    Attributes:
        title: above it.
        unit: below the title.
        cells: of its rows; as many decimals in each.
        is_text: whether it is text, which begins on the left.
    """

    title: str
    unit: str
    cells: list[str]
    is_text: bool


BEFORE_STEPS = (
    Titled("seed", "seed"),
    Titled("status", "status"),
    Titled("energy", "energy", ENERGY),
    Titled("bonds", "bond_fraction", "share", 2),
    Titled("contacts", "contact_fraction", "share", 2),
    Titled("OpenMM's", "energy_openmm", ENERGY),
    Titled("RMSD CA", "rmsd_ca", "Å", 2),
    Titled("RMSD heavy atoms", "rmsd_heavy", "Å", 2),
    Titled("RMSD all atoms", "rmsd_all", "Å", 2),
)
AFTER_STEPS = (
    Titled("minimise", "time_minimize_s", "s", 2),
    Titled("total", "time_total_s", "s", 1),
)
STEPS = Titled("steps", "evaluations")

LEFT = frozenset(TEXTS) - {"hidden", "precision"}  # texts that begin on the left; these two are like numbers

# Columns by which the jobs of a sweep may differ, shown where they do.
SETTINGS = columns_of(Role.swept)


def show_table(rows: "pd.DataFrame", folder: str, history: "pd.DataFrame") -> None:
    """Print the folder of a run, in a line of its own, and its closing table; see `table_of_run`."""
    print_line(folder)
    _print(table_of_run(rows, history))


def table_of_run(rows: "pd.DataFrame", history: "pd.DataFrame") -> list[Shown]:
    """The closing table of a run.

    Several seeds are followed by the mean and the best of those that have not diverged.

    Args:
        rows: of the run.
        history: of the run, which knows its stages.
    """
    stages = steps_of_stages(history)
    of_stages = [Titled(name, f"steps of {name}", "steps") for name in stages]
    columns = [*BEFORE_STEPS, *of_stages, *AFTER_STEPS]
    for column in of_stages:
        steps = [stages[column.title].get(seed, 0) for seed in rows["seed"]]
        rows = rows.assign(**{column.source: steps})
    return _shown(_with_summary(rows.astype({"seed": str}), columns), columns)


def steps_of_stages(history: "pd.DataFrame") -> dict[str, dict[int, int]]:
    """Stage, in the order in which they come up -> seed -> steps that it has taken in it."""
    stages: dict[str, dict[int, int]] = {}
    for seed, rows in history.groupby("seed"):
        before = 0
        for stage, step in zip(rows["stage"], rows["step"], strict=True):
            steps = stages.setdefault(stage, {})
            steps[int(str(seed))] = steps.get(int(str(seed)), 0) + int(step) - before
            before = int(step)
    return stages


def _with_summary(rows: "pd.DataFrame", columns: Sequence[Titled]) -> "pd.DataFrame":
    """The rows and, of several, their mean and the best one, which have no seed of their own."""
    good = rows[rows["status"] != Status.diverged.name]
    if len(rows) < 2 or good.empty:
        return rows
    import pandas as pd

    texts = ("seed", "status")
    numbers = [column.source for column in columns if column.source in rows and column.source not in texts]
    mean = {**good[numbers].astype(float).mean(), "seed": "mean", "status": f"of {len(good)}"}
    best = good.sort_values("energy", key=lambda energy: energy.astype(float)).iloc[0].to_dict()
    best |= {"seed": "best", "status": f"seed {best['seed']}"}
    return pd.DataFrame([*rows.to_dict("records"), mean, best], dtype=object)


def show_sweep(rows: "pd.DataFrame", folder: str) -> None:
    """Print the folder of a sweep and its closing table, and below it why jobs have failed.

    Args:
        rows: see `table_of_sweep`.
        folder: of the sweep.
    """
    print_line(folder)
    _print(table_of_sweep(rows))
    for job, error in rows[ERROR].items():
        if error:
            print_line(f"job {job} failed: {error}")


def table_of_sweep(rows: "pd.DataFrame") -> list[Shown]:
    """The closing table of a sweep, with the settings in which its jobs differ.

    Args:
        rows: of a sweep's table, in text; the index is the number of the job.
    """
    columns = [*(Titled(name, name) for name in ("job", *differing_settings(rows)))]
    columns += [*BEFORE_STEPS, STEPS, *AFTER_STEPS]
    return _shown(rows.rename_axis("job").reset_index(), columns)


def differing_settings(rows: "pd.DataFrame") -> list[str]:
    """The columns of settings that have several values, in rows of text."""
    return [name for name in SETTINGS if name in rows and len(set(rows[name]) - {""}) > 1]


def outcome(rows: Sequence[Mapping[str, str]]) -> str:
    """How a job of a sweep ended, from its rows in text: "converged, energy -1908.2 kJ/mol"."""
    statuses = ", ".join(dict.fromkeys(row["status"] for row in rows))
    energies = [float(row["energy"]) for row in rows if row["energy"]]
    several = f"{len(rows)} seeds, lowest " if len(rows) > 1 else ""
    unit = common_energy_unit(row["system"] for row in rows)
    return f"{statuses}, {several}energy {min(energies, default=nan):.6g} {unit}".rstrip()


def _table() -> Table:
    return Table(box=None, padding=(0, 1))


def _print(columns: Sequence[Shown]) -> None:
    print_table(plain_table(columns))


def plain_table(columns: Sequence[Shown]) -> Table:
    """Columns as a table of the terminal."""
    table = _table()
    for column in columns:
        header = Text(f"{column.title}\n{printable(column.unit)}".rstrip())
        justify = "left" if column.is_text else "right"
        table.add_column(header, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _shown(rows: "pd.DataFrame", columns: Sequence[Titled]) -> list[Shown]:
    """The columns that have values, each with as many decimals in all of its rows."""
    units = _energy_units(rows["system"].dropna())
    shown = []
    for column in columns:
        values = list(rows.get(column.source, ()))
        if any(not _is_nothing(value) for value in values):
            unit = _one(units) if column.unit == ENERGY else column.unit
            cells = _cells(values, column, aligned=len(units) == 1)
            shown.append(Shown(column.title, unit, cells, column.source in LEFT))
    return shown


def common_energy_unit(systems: Iterable[str]) -> str:
    """Of systems, by name; nothing where they have several."""
    return _one(_energy_units(systems))


def _energy_units(systems: Iterable[str]) -> set[str]:
    return {SYSTEMS[name].energy_unit if name in SYSTEMS else "" for name in systems}


def _one(units: set[str]) -> str:
    return next(iter(units)) if len(units) == 1 else ""


def _cells(values: Sequence[Any], column: Titled, aligned: bool) -> list[str]:
    """Values, which may be numbers in text, as they are printed; nothing for no value.

    Args:
        values: of the column.
        column: which.
        aligned: whether all energies are in one unit, so that they can have as many decimals.
    """
    if column.unit != ENERGY and column.decimals is None:
        return ["" if _is_nothing(value) else _whole(value) for value in values]
    numbers = [nan if _is_nothing(value) else float(value) for value in values]
    form = f".{DIGITS}g"
    if column.decimals is not None:
        form = f".{column.decimals}f"
    elif aligned:
        form = _energy_form(numbers)
    return ["" if number != number else f"{number:{form}}" for number in numbers]


def _whole(value: Any) -> str:
    """A value without decimals: of steps, a mean is rounded."""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _energy_form(numbers: Sequence[float]) -> str:
    """One form for all, with six digits of the lowest."""
    lowest = abs(min(filter(isfinite, numbers), default=0.0))
    if not 1e-6 < lowest < 1e9:
        return f".{DIGITS}g"
    decimals = DIGITS - 1 - floor(log10(lowest))
    return f".{min(MOST_DECIMALS, max(0, decimals))}f"


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or value != value


MOST_MODES_SHOWN = 12


def show_modes(rows: "pd.DataFrame", folder: str) -> None:
    """Print the folder of some modes, in a line of its own, and the first rows of their table."""
    print_line(folder)
    table = _table()
    forms = {"mode": "{}", "eigenvalue": "{:.4g}", "weight": "{:.4g}", "participation": "{:.2f}"}
    for name in forms:
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in rows.head(MOST_MODES_SHOWN).iterrows():
        table.add_row(*(form.format(row[name]) for name, form in forms.items()))
    if len(rows) > MOST_MODES_SHOWN:
        table.add_row("...", f"{len(rows)} in all")
    print_table(table)
