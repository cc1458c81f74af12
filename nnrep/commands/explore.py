"""`nnrep explore`."""

from nnrep.commands.command import HydraVerb, hydra_command
from nnrep.config.explore_choices import with_explore_choices

CHOICE = hydra_command(
    HydraVerb(
        "explore",
        "search for the lowest minima of a system, a folded protein for one",
        "nnrep.commands.explore_job",
        with_choices=with_explore_choices,
        unused=("baseline",),
    )
)
