"""The choices that `nnrep explore` begins with, in place of those of `configs/config.yaml`."""

from collections.abc import Mapping, Sequence

from nnrep.errors import require

EXPLORE = "explore"  # a group of this verb alone, which adds it
MOLECULES = ("protein", "molecule")
CHOICES = {
    "system": "protein",
    EXPLORE: "replica_exchange",
    "reparam": "none",
    "optimizer": "lbfgs",
    "schedule": "relaxed",
}

# What takes the place of a schedule whose numbers are those of molecules.
AT_REST = {"schedule.fine.rms_force": "1e-5"}
# Of loops, whose forces are those of a mean over pairs, and whose quenches begin far from their ends.
AT_REST_OF_LOOPS = {"schedule.fine.rms_force": "1e-7"}
QUENCHES_OF_LOOPS = {"optimizer.learning_rate": "0.1", "explore.quench.steps": "5000"}


def with_explore_choices(overrides: Sequence[str]) -> list[str]:
    """Overrides, behind the choices of the verb that they do not make themselves."""
    given = dict(each.lstrip("+").partition("=")[::2] for each in overrides)
    systems = given.get("system", CHOICES["system"])
    begun = [_begun(given, system) for system in systems.split(",")]
    allowed = "systems that have one schedule by default, or one system"
    require(all(own == begun[0] for own in begun), "system", allowed, systems)
    return [_added(each) for each in [*(f"{key}={value}" for key, value in begun[0].items()), *overrides]]


def _begun(given: Mapping[str, str], system: str) -> dict[str, str]:
    """What a search of a system begins with beside the overrides that are given."""
    own = {group: name for group, name in CHOICES.items() if group not in given}
    if system not in MOLECULES and "schedule" in own:
        at_rest = AT_REST_OF_LOOPS if system == "loop" else AT_REST
        own |= {"schedule": "paper"} | {key: value for key, value in at_rest.items() if key not in given}
    if system == "loop" and "optimizer" in own:
        own |= {key: value for key, value in QUENCHES_OF_LOOPS.items() if key not in given}
    return own


def _added(override: str) -> str:
    """The override, with the sign that Hydra wants for a group that is added."""
    return f"+{override}" if override.startswith(f"{EXPLORE}=") else override
