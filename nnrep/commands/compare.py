"""`nnrep compare`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnrep.commands.command import Command, asks_for_help, folders_and_option
from nnrep.errors import EXIT_OK, ConfigError, UserError, require

if TYPE_CHECKING:
    import pandas as pd

    from nnrep.figures.analysis.groups import Group

SUMMARY = "compare the runs in folders DIR ...: settings that differ, energies, RMSD, times"
PICTURE = "picture"
USAGE = f"""usage: nnrep compare DIR ... [{PICTURE}=FILE.png] [> TABLE.csv]

{SUMMARY}

A row for each setting in the folders: in a terminal a table to read; piped or written to a file, CSV with all
columns. {PICTURE} draws each run's energy, RMSD and time, as PNG and beside it as PDF."""


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(USAGE)
        return EXIT_OK
    folders, given = folders_and_option("compare", arguments, PICTURE, "nnrep compare DIR DIR ...")
    picture = None if given is None else _picture(given)
    from nnrep.figures.analysis.groups import compared, groups_of, not_comparable
    from nnrep.host.terminal import log, show_log

    groups = groups_of([Path(folder) for folder in folders])
    if len(groups) < 2:
        raise UserError(f"{folders[0]}: holds runs of one setting; name another folder to compare it with")
    table = compared(groups)
    show_log()
    reason = not_comparable(groups)
    if reason is not None:
        log().warning("energies are not comparable: %s", reason)
    if picture is not None:
        _draw(groups, picture)
    _show(table, groups)
    return EXIT_OK


def _picture(name: str) -> Path:
    """Where the picture is to be written.

    Raises:
        ConfigError: it is no PNG file, its folder does not exist, or the PDF beside it is someone else's.
    """
    path = Path(name)
    require(path.suffix == ".png", PICTURE, "a file FILE.png", name or "nothing")
    if not path.parent.is_dir():
        raise ConfigError(PICTURE, f"{path.parent} is no folder; make it first")
    pdf = path.with_suffix(".pdf")
    if pdf.exists() and not path.exists():  # with a picture beside it it is ours
        raise ConfigError(PICTURE, f"{pdf} is there already, and would be overwritten; choose another name")
    return path


def _draw(groups: Sequence["Group"], path: Path) -> None:
    from nnrep.figures.drawing.groups import draw_groups
    from nnrep.records.style import save

    save(draw_groups(groups), path)


def _show(table: "pd.DataFrame", groups: Sequence["Group"]) -> None:
    """CSV where it is read by programs, else a table."""
    if not sys.stdout.isatty():
        print(table.to_csv(index=False), end="")
        return
    from nnrep.records.closing_table import common_energy_unit
    from nnrep.records.comparison_table import show_comparison

    show_comparison(table, common_energy_unit(group.rows["system"].iloc[0] for group in groups))


CHOICE = Command(SUMMARY, _main)
