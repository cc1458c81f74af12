"""Keys that have been given a value but have no effect beside the others: they are refused."""

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnrep.choices.identity import as_yaml, flat, is_in, without_effect
from nnrep.choices.registry import GROUPS
from nnrep.config.reference import default_choices, reference_values
from nnrep.config.schema import RunConfig
from nnrep.errors import ConfigError
from nnrep.minimization.schedules.settings import PlannedStage

IN_LIST = "schedule.stages."
NO_CHOICE = "none"


def given_without_effect(
    raw: DictConfig, config: RunConfig, unused: Mapping[str, str]
) -> dict[str, ConfigError]:
    """Of the keys without effect those whose value is not their default, with the line that refuses them.

    A default may be without effect, and so may a value that others follow, as learning rates of stages follow
    that of the optimiser: it counts where they do.

    Args:
        raw: the composed configuration.
        config: what was made of it.
        unused: see `unused_keys`.
    """
    listed = {key: reason for key, reason in unused.items() if key.startswith(IN_LIST)}
    refusals = {}
    for key, reason in listed.items():
        value, default = _in_list(config, key)
        if value != default:
            refusals[key] = _refusal(key, default, reason, value)
    others = {key: reason for key, reason in unused.items() if key not in listed}
    now, defaults = flat(OmegaConf.to_container(raw, resolve=True)), reference_values(raw)
    dead = {key: reason for key in now for above, reason in others.items() if is_in(key, above)}
    given = flat(OmegaConf.to_container(raw, resolve=False))
    # So it is in nearly all runs; to reset the keys takes longer than to look.
    if all(key in given and given[key] == defaults.get(key) for key in dead):
        return refusals
    all_reset = _reset(raw, list(dead), defaults)
    for key in sorted(key for key in dead if now[key] != all_reset[key]):
        without = _reset(raw, [key], defaults)
        is_followed = any(now[other] != without[other] for other in now if other not in dead)
        if now[key] != without[key] and not is_followed:
            refusals[key] = _refusal(key, without[key], dead[key], now[key])
    return refusals


def choices_without_effect(raw: DictConfig, unused: Mapping[str, str]) -> dict[str, ConfigError]:
    """Of the groups without effect those of which another choice than the default was named.

    `none` stands for what a run without them does, and is accepted.

    Args:
        raw: the composed configuration.
        unused: see `unused_keys`.
    """
    named = {group: str(raw[group].name) for group in GROUPS if group in unused}
    defaults = default_choices(raw) if set(named.values()) - {NO_CHOICE} else {}
    return {
        group: ConfigError(group, f"must be left out, as {unused[group]}")
        for group, name in named.items()
        if name not in (defaults.get(group, name), NO_CHOICE)
    }


def unused_keys(config: RunConfig, stages: tuple[PlannedStage, ...]) -> dict[str, str]:
    """The dotted keys, or groups of them, that have no effect in a run, each with the reason."""
    unused = without_effect(config)
    if not config.minimizes:
        return unused
    unused |= config.schedule.without_effect(config.reparam)
    of_run: list[dict[str, str]] = []
    for stage in stages:
        dead = _unused_modes(stage)
        own = stage.given_modes
        unused |= {f"{stage.place}.modes.{key}": dead[key] for key in own if key in dead}
        of_run.append(dead | dict.fromkeys(own, "the stages have their own"))
    common = set.intersection(*(set(dead) for dead in of_run))
    return unused | {f"modes.{key}": of_run[0][key] for key in sorted(common)}


def _unused_modes(stage: PlannedStage) -> dict[str, str]:
    """The keys of `modes` without effect on a stage's map."""
    name, taken = stage.reparam.name, stage.reparam.keys_of_modes(stage.modes)
    none = "takes none of it" if taken else "needs no modes"
    every = [field.name for field in dataclasses.fields(stage.modes)]
    return without_effect(stage.modes) | {key: f"reparam={name} {none}" for key in every if key not in taken}


def _reset(raw: DictConfig, keys: list[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All values, with some keys at their defaults."""
    other = OmegaConf.create(OmegaConf.to_container(raw, resolve=False))
    for key in keys:
        OmegaConf.update(other, key, defaults.get(key))
    return flat(OmegaConf.to_container(other, resolve=True))


def _in_list(config: RunConfig, key: str) -> tuple[Any, Any]:
    """The value of a key of a listed stage, and its default."""
    place, *parts = key.removeprefix(IN_LIST).split(".")
    stage: Any = config.schedule.stages[int(place)]
    if parts[0] == "modes":
        return stage.modes[parts[1]], _plain(getattr(config.modes, parts[1]))
    owner = stage
    for part in parts[:-1]:
        owner = getattr(owner, part)
    (field,) = (field for field in dataclasses.fields(owner) if field.name == parts[-1])
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return _plain(getattr(owner, parts[-1])), _plain(default)


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


def _refusal(key: str, default: Any, reason: str, value: Any) -> ConfigError:
    return ConfigError(key, f"must be {as_yaml(default)}, as {reason}, got {as_yaml(value)}")
