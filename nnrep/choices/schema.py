"""Checked dataclasses from plain mappings: unknown keys, types and ranges, each named in one line."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from nnrep.errors import ConfigError, named_under, require

T = TypeVar("T")
Choices = Mapping[str, Mapping[str, type]]  # field -> name -> dataclass


def build(cls: type[T], values: Mapping[str, Any] | DictConfig, choices: Choices | None = None) -> T:
    """An instance of a dataclass, its fields converted and checked.

    Args:
        cls: a dataclass whose `__post_init__` raises `ConfigError` for values out of range; its fields
            may be dataclasses.
        values: field -> value; enums by name.
        choices: fields (of type Any) whose dataclass is chosen by the `name` in their value.

    Raises:
        ConfigError: unknown key, wrong type or value out of range.
    """
    return _instance(cls, _checked(cls, values), choices or {})


def _checked(cls: type, values: Mapping[str, Any] | DictConfig) -> dict[str, Any]:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(cls), values)
        plain = OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = error.full_key or ""
        if isinstance(error, ConfigKeyError):
            raise ConfigError(key, f"unknown key; choose from {', '.join(keys_at(cls, key))}") from error
        raise ConfigError(key, _first_line(error)) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def keys_at(cls: type, key: str) -> list[str]:
    """The keys that a dataclass takes beside a dotted key."""
    for part in key.split(".")[:-1]:
        cls = get_type_hints(cls)[part]
    return [field.name for field in dataclasses.fields(cls)]


def _instance(cls: type[T], plain: dict[str, Any], choices: Choices) -> T:
    hints = get_type_hints(cls)
    values = dict(plain)
    for name, value in plain.items():
        with named_under(name):
            if name in choices:
                values[name] = _chosen(choices[name], value)
            elif dataclasses.is_dataclass(hints[name]):
                require(isinstance(value, dict), "", "a group of values", value)
                values[name] = _instance(hints[name], value, {})
    return cls(**values)


def _chosen(classes: Mapping[str, type], value: Any) -> Any:
    name = str(value.get("name") if isinstance(value, dict) else value)
    require(isinstance(value, dict) and name in classes, "name", f"one of {', '.join(classes)}", name)
    return build(classes[name], value)


def _first_line(error: Exception) -> str:
    line = str(error).splitlines()[0]
    return line[:1].lower() + line[1:]
