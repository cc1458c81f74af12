"""What a configuration would be if nothing but its choices had been given."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnrep.choices.defaults import defaults_of
from nnrep.choices.identity import flat
from nnrep.choices.registry import GROUPS
from nnrep.config.compose import default_values
from nnrep.config.explore_choices import EXPLORE

# A choice in a name, or what it is where it follows from others: loops alone have such a default.
WITH_DEFAULT = re.compile(r"\$\{oc\.select:(\w+),\w+\}")
# A choice that a choice changes unless it is named.
OVERRIDE = re.compile(r"override /(\w+)(@\S+)?")
OWN = ("defaults", "hydra")  # of `configs/config.yaml`, for Hydra alone


def reference_values(raw: DictConfig) -> dict[str, Any]:
    """The default of every dotted key of a composed configuration, interpolations as they stand.

    Those of the chosen system, map, ... from the files that `configs/config.yaml` lists, in its order.
    """
    groups = [*GROUPS, *([EXPLORE] if EXPLORE in raw else [])]
    return dict(_reference(tuple((group, str(raw[group].name)) for group in groups)))


def default_choices(raw: DictConfig) -> dict[str, str]:
    """The choice of every group unless another is named, with the schedule of a composed configuration."""
    schedule = defaults_of(f"schedule/{raw.schedule.name}").get("defaults", ())
    named = {}
    for entry in [*defaults_of("config")["defaults"], *schedule]:
        if isinstance(entry, Mapping):
            ((group, option),) = entry.items()
            named[OVERRIDE.sub(r"\1", group)] = option
    return {group: _name_of(group, named[group], raw) for group in GROUPS if group in named}


def _name_of(group: str, option: str, raw: DictConfig) -> str:
    """The name that a choice has in its own file, of an option that may follow from other choices."""
    for name in GROUPS:
        option = option.replace(f"${{{name}}}", str(raw[name].name))
    option = str(OmegaConf.create({group: option})[group])
    return str(defaults_of(f"{group}/{option}").get("name", option))


@cache
def _reference(choices: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    chosen = dict(choices)
    whole = defaults_of("config")
    merged: Any = OmegaConf.create()
    added = [{EXPLORE: chosen[EXPLORE]}] if EXPLORE in chosen else []
    for entry in [*whole["defaults"], *added]:
        merged = OmegaConf.merge(merged, _values(entry, chosen, whole))
    return flat(OmegaConf.to_container(merged, resolve=False))


def _values(entry: str | Mapping[str, str], chosen: Mapping[str, str], whole: Mapping[str, Any]) -> Any:
    """The values of one entry of the list of defaults."""
    if entry == "_self_":
        return {key: value for key, value in whole.items() if key not in OWN}
    assert isinstance(entry, Mapping)
    ((group, option),) = entry.items()
    if group.startswith("override "):
        return {}
    if group.startswith("optional "):
        option = WITH_DEFAULT.sub(r"${\1}", option)
        for name, choice in chosen.items():
            option = option.replace(f"${{{name}}}", choice)
        return _with_others(group.removeprefix("optional "), option)
    option = chosen.get(group, option)
    own = {key: value for key, value in defaults_of(f"{group}/{option}").items() if key not in OWN}
    return {group: own or default_values(group, option)}


def _with_others(group: str, option: str) -> dict[str, Any]:
    """The values of a file of a group, and before them those of the files that it names as its defaults."""
    own = dict(defaults_of(f"{group}/{option}"))
    values: dict[str, Any] = {}
    for other in own.pop("defaults", ()):
        values |= _with_others(group, other)
    return values | own
