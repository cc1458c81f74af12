"""`nnrep modes`."""

from nnrep.commands.command import Command


def _main(arguments: list[str]) -> int:
    from nnrep.commands.hydra_app import run_app

    return run_app(arguments, "modes")


SUMMARY = "show the slow modes of a system, and how robust they are; see nnrep modes --help"
CHOICE = Command(SUMMARY, _main, is_hydra=True, takes_long=True)
