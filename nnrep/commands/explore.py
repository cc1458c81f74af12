"""`nnrep explore`."""

from nnrep.commands.command import HydraVerb, hydra_command
from nnrep.config.explore_choices import with_explore_choices

PURPOSE = "search for the lowest minima of a system, a folded protein for one"
CHOICE = hydra_command(
    HydraVerb("explore", PURPOSE, "nnrep.commands.explore_job", with_choices=with_explore_choices)
)
