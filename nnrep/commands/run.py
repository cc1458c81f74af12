"""`nnrep run`."""

from nnrep.commands.command import Command


def _main(arguments: list[str]) -> int:
    from nnrep.commands.hydra_app import run_app

    return run_app(arguments, "run")


SUMMARY = "minimise a system's energy; a Hydra application, see nnrep run --help"
CHOICE = Command(SUMMARY, _main, is_hydra=True, takes_long=True)
