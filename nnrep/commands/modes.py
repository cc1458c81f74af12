"""`nnrep modes`."""

from nnrep.commands.command import HydraVerb, hydra_command

PURPOSE = "show the slow modes of a system, and how robust they are"
CHOICE = hydra_command(HydraVerb("modes", PURPOSE, "nnrep.commands.modes_job", unused=("baseline",)))
