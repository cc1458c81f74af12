"""`nnrep reproduce`."""

from nnrep.commands.command import Command, asks_for_help
from nnrep.errors import EXIT_OK


def _main(arguments: list[str]) -> int:
    from nnrep.figures.request import parse_arguments, usage

    if not arguments or asks_for_help(arguments):
        print(usage())
        return EXIT_OK
    request = parse_arguments(arguments)
    from nnrep.figures.reproduction import reproduce

    return reproduce(request)


def _words() -> list[str]:
    from nnrep.figures.request import completions

    return completions()


CHOICE = Command(
    "reproduce figures of the paper: tables, pictures, claims; see nnrep reproduce --help",
    _main,
    takes_long=True,
    words=_words,
)
