"""`nnrep modes`."""

from collections.abc import Sequence

from nnrep.commands.command import HydraVerb, hydra_command

PURPOSE = "show the slow modes of a system, and how robust they are"


def with_plain_stage(overrides: Sequence[str]) -> list[str]:
    """Overrides, behind the schedule that has a stage of free positions for the robustness table."""
    own = [] if any(each.startswith("schedule=") for each in overrides) else ["schedule=paper"]
    return [*own, *overrides]


CHOICE = hydra_command(
    HydraVerb(
        "modes", PURPOSE, "nnrep.commands.modes_job", with_choices=with_plain_stage, unused=("baseline",)
    )
)
