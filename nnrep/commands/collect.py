"""`nnrep collect`."""

from pathlib import Path

from nnrep.commands.command import Command, asks_for_help, require_folders
from nnrep.errors import EXIT_OK, UserError

SUMMARY = "print the tables of the runs in and below folders DIR ... as one, in CSV"


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(f"usage: nnrep collect DIR ... > TABLE.csv\n\n{SUMMARY}")
        return EXIT_OK
    require_folders("collect", arguments)
    if not arguments:
        raise UserError("collect: names no folder; nnrep collect DIR ... > TABLE.csv")
    from nnrep.records.collect import collected

    print(collected([Path(folder) for folder in arguments]).to_csv(index=False), end="")
    return EXIT_OK


CHOICE = Command(SUMMARY, _main)
