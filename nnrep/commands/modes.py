"""`nnrep modes`."""

from nnrep.commands.command import HELP, Command
from nnrep.errors import EXIT_OK


def _main(arguments: list[str]) -> int:
    if any(argument in HELP for argument in arguments):
        from nnrep.config.help import help_text

        print(help_text("modes", [argument for argument in arguments if not argument.startswith("-")]))
        return EXIT_OK
    from nnrep.commands.hydra_app import run_app

    return run_app(arguments, "modes")


SUMMARY = "show the slow modes of a system, and how robust they are; see nnrep modes --help"
CHOICE = Command(SUMMARY, _main, is_hydra=True, takes_long=True)
