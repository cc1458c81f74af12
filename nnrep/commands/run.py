"""`nnrep run`."""

from nnrep.commands.command import HELP, Command
from nnrep.errors import EXIT_OK


def _main(arguments: list[str]) -> int:
    if any(argument in HELP for argument in arguments):
        from nnrep.config.help import help_text

        print(help_text("run", [argument for argument in arguments if not argument.startswith("-")]))
        return EXIT_OK
    from nnrep.commands.hydra_app import run_app

    return run_app(arguments, "run")


SUMMARY = "minimise a system's energy; a Hydra application, see nnrep run --help"
CHOICE = Command(SUMMARY, _main, is_hydra=True, takes_long=True)
