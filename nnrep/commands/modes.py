"""`nnrep modes`."""

from nnrep.commands.command import hydra_command

SUMMARY = "show the slow modes of a system, and how robust they are; see nnrep modes --help"
CHOICE = hydra_command("modes", SUMMARY)
