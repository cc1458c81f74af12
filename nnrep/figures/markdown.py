"""Tables in Markdown."""

from collections.abc import Mapping, Sequence

import pandas as pd


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of cells."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def formatted_table(table: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> str:
    """The columns of a table that are to be shown, as far as it has them; see `formatted_cells`."""
    return markdown_table(*formatted_cells(table, columns))


def formatted_cells(
    table: pd.DataFrame, columns: Mapping[str, tuple[str, str]]
) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of the columns of a table that are to be shown, as far as it has them.

    Args:
        table: a row a row.
        columns: its column -> the column's title, and the format of its values.
    """
    shown = [name for name in columns if name in table.columns]
    rows = [[formatted(columns[name][1], row[name]) for name in shown] for _, row in table.iterrows()]
    return [columns[name][0] for name in shown], rows


def formatted(form: str, value: object) -> str:
    """A value in a format; nothing of a missing one."""
    return "" if pd.isna(value) else form.format(value)  # type: ignore[call-overload]
