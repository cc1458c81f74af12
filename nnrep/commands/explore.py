"""`nnrep explore`."""

from nnrep.commands.command import hydra_command

SUMMARY = "search for the lowest minima of a system, a folded protein for one; see nnrep explore --help"
CHOICE = hydra_command("explore", SUMMARY)
