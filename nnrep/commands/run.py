"""`nnrep run`."""

from nnrep.commands.command import HydraVerb, hydra_command

PURPOSE = "minimise a system's energy through a map, then with free positions"
CHOICE = hydra_command(HydraVerb("run", PURPOSE, "nnrep.job", has_rows=True))
