"""`nnrep collect`."""

from pathlib import Path

from nnrep.commands.command import Command, asks_for_help, folders_and_option
from nnrep.errors import EXIT_OK, chosen

SUMMARY = "print the tables of the runs in and below folders DIR ... as one, in CSV"
DUPLICATES = "duplicates"
USAGE = f"""usage: nnrep collect DIR ... [{DUPLICATES}=newest|first|all|error] > TABLE.csv

{SUMMARY}

{DUPLICATES} says which rows are kept of a run that is in several tables:
  newest  that of the table that was written last (the default)
  first   that of the first table, in the order of folders and paths
  all     all of them
  error   none: the command ends, and names both places"""


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(USAGE)
        return EXIT_OK
    example = "nnrep collect DIR ... > TABLE.csv"
    folders, given = folders_and_option("collect", arguments, DUPLICATES, example)
    from nnrep.host.terminal import log, show_log
    from nnrep.records.collect import Duplicates, collected

    duplicates = chosen(Duplicates, Duplicates.newest if given is None else given, DUPLICATES)
    rows, several = collected([Path(folder) for folder in folders], duplicates)
    print(rows.to_csv(index=False), end="")
    if several:
        show_log()
        runs = "1 run is" if several == 1 else f"{several} runs are"
        log().info("%s in several tables; kept: %s (%s=...)", runs, duplicates.value, DUPLICATES)
    return EXIT_OK


CHOICE = Command(SUMMARY, _main)
