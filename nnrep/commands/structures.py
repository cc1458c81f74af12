"""`nnrep structures`."""

from nnrep.commands.command import Command, asks_for_help, require_folders
from nnrep.errors import EXIT_OK

SUMMARY = "list the structures in the package, in folders DIR ..., and in the cache"


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(f"usage: nnrep structures [DIR ...]\n\n{SUMMARY}")
        return EXIT_OK
    require_folders("structures", arguments)
    from nnrep.structures.listing import show_structures

    show_structures(arguments)
    return EXIT_OK


CHOICE = Command(SUMMARY, _main)
