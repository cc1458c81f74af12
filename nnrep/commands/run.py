"""`nnrep run`."""

from nnrep.commands.command import hydra_command

SUMMARY = "minimise a system's energy; a Hydra application, see nnrep run --help"
CHOICE = hydra_command("run", SUMMARY)
