"""A `Result` as a line, as a table, and as HTML."""

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from nnrep.minimization.result import Result

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = (
    *("energy", "energy_start", "energy_coarse", "gradient_rms"),
    *("steps_coarse", "steps_fine", "evaluations", "restarts"),
    *("time_modes_s", "time_fit_s", "time_compile_s", "time_minimize_s"),
)
MOST_ROWS = 20  # that a notebook shows


def table(result: Result) -> "pd.DataFrame":
    """See `Result.to_frame`."""
    import pandas as pd

    columns = {
        "system": result.name,
        "seed": result.seeds,
        "status": [status.name for status in result.status],
        **{name: getattr(result, name) for name in NUMBERS},
        "energy_unit": result.energy_unit,
        "length_unit": result.length_unit,
    }
    return pd.DataFrame(columns, index=range(len(result.seeds)))


def summary(result: Result) -> str:
    """The system, how many seeds ended how, their energies and steps: "loop: 3 seeds, ..."."""
    count = len(result.seeds)
    ended = Counter(status.name for status in result.status)
    parts = [
        f"{count} seed{'s' if count > 1 else ''}",
        " and ".join(name if count == 1 else f"{each} {name}" for name, each in ended.items()),
        f"energy {_range(result.energy)} {result.energy_unit}".rstrip(),
        f"{int(np.sum(result.evaluations))} steps",
    ]
    return f"{result.name}: {', '.join(parts)}"


def html_table(result: Result) -> str:
    """The first seeds, a row each, under a caption; units are in the heads of the columns."""
    energy = with_unit("energy", result.energy_unit)
    start = with_unit("energy at the start", result.energy_unit)
    heads = ["seed", "status", energy, start, "steps", "time / s"]
    rows = [
        [seed, status.name, f"{energy:.6g}", f"{start:.6g}", steps, f"{seconds:.2f}"]
        for seed, status, energy, start, steps, seconds in zip(
            result.seeds[:MOST_ROWS],
            result.status,
            result.energy,
            result.energy_start,
            result.evaluations,
            result.time_minimize_s,
            strict=False,
        )
    ]
    lines = [_row("th", heads), *(_row("td", row) for row in rows)]
    left = len(result.seeds) - MOST_ROWS
    more = f"<p>and {left} more seeds: to_frame() has all</p>" if left > 0 else ""
    return f"<table><caption>{escape(summary(result))}</caption>{''.join(lines)}</table>{more}"


def _range(energy: np.ndarray) -> str:
    finite = energy[np.isfinite(energy)]
    if finite.size == 0:
        return "not finite"
    least, most = f"{finite.min():.6g}", f"{finite.max():.6g}"
    return least if least == most else f"{least} to {most}"


def with_unit(title: str, unit: str) -> str:
    """A quantity with its unit, as in heads of tables: "time / s"."""
    return f"{title} / ({unit})" if "/" in unit else f"{title} / {unit}" if unit else title


def _row(cell: str, values: list) -> str:
    return f"<tr>{''.join(f'<{cell}>{escape(str(value))}</{cell}>' for value in values)}</tr>"
