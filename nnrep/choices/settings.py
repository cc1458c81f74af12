"""Settings: checked dataclasses, their defaults in `configs/`; every fault is named in one line."""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from nnrep.choices.defaults import defaults_of
from nnrep.choices.registry import Registry
from nnrep.errors import ConfigError, named_under, require, similar

T = TypeVar("T")

NO_LIST = "must be a list, in brackets: [first, second]"


@dataclass_transform(kw_only_default=True, field_specifiers=(dataclasses.field,))
def settings(file: str, group: str = "") -> Callable[[type[T]], type[T]]:
    """Make a class a dataclass whose defaults are the values of a file of `configs/`.

    What the file does not name, or computes from other keys (`${...}`), has the class's default, or none.

    Args:
        file: below `configs/`, without suffix: "reparam/gnn".
        group: of values in it that the class describes: "fit".
    """

    def decorate(cls: type[T]) -> type[T]:
        hints = get_type_hints(cls)
        for name, value in defaults_of(file, group).items():
            if name in hints and not _is_computed(value):
                _set_default(cls, name, hints[name], value)
        return dataclasses.dataclass(kw_only=True)(cls)

    return decorate


def _is_computed(value: object) -> bool:
    """Whether a value, or one of a group, follows from other keys."""
    if isinstance(value, Mapping):
        return any(map(_is_computed, value.values()))
    return isinstance(value, str) and "${" in value


def _set_default(cls: type, name: str, kind: Any, value: Any) -> None:
    given = cls.__dict__.get(name)
    metadata = given.metadata if isinstance(given, dataclasses.Field) else _inherited_metadata(cls, name)

    def make() -> Any:
        is_group = isinstance(kind, type) and dataclasses.is_dataclass(kind)
        return build(kind, value) if is_group else _converted(kind, value)

    setattr(cls, name, dataclasses.field(default_factory=make, metadata=metadata))
    cls.__annotations__[name] = kind


def _inherited_metadata(cls: type, name: str) -> Mapping[str, Any]:
    fields = getattr(cls, "__dataclass_fields__", {})
    return fields[name].metadata if name in fields else {}


def _converted(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind[value]
    if kind is float:
        return float(value)
    return list(value) if isinstance(value, list) else value


def build(cls: type[T], values: Mapping[str, Any] | DictConfig) -> T:
    """An instance of a dataclass, its fields converted and checked.

    Args:
        cls: a dataclass whose `__post_init__` raises `ConfigError` for values out of range; its fields
            may be dataclasses, or `choice`: settings of one of several classes.
        values: field -> value; enums by name.

    Raises:
        ConfigError: unknown key, wrong type or value out of range.
    """
    return _instance(cls, _checked(cls, values))


def choice(registry: "Registry[Any]", **others: Any) -> Any:
    """A field whose settings are those of a registered choice, by the `name` in its value.

    Args:
        registry: of the choices.
        others: further metadata of the field.
    """
    return dataclasses.field(metadata={"registry": registry, **others})


def choose(registry: "Registry[type[T]]", value: Any) -> T:
    """The settings of a registered choice, given by its name or as a group with a name.

    Keys that are not given have the choice's defaults.

    Raises:
        ConfigError: an unknown name, an unknown key, wrong type or value out of range.
    """
    group = value if isinstance(value, Mapping) else {"name": value}
    return build(registry.named(group.get("name"), "name"), group)


def literal(value: Any) -> Any:
    """A value in whose texts OmegaConf, which reads `${...}` as the name of another value, finds none."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


@functools.cache
def _structured(cls: type) -> DictConfig:
    """Its fields and defaults, as OmegaConf has them; `merge` leaves them as they are."""
    made: DictConfig = OmegaConf.structured(cls)
    return made


def _checked(cls: type, values: Mapping[str, Any] | DictConfig) -> dict[str, Any]:
    try:
        merged = OmegaConf.merge(_structured(cls), values)
        plain = OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = error.full_key or ""
        group = "" if key else _not_a_group(cls, values)
        if group:
            raise ConfigError(group, "must be a group of values") from error
        if isinstance(error, ConfigKeyError):
            keys = keys_at(cls, key)
            meant = similar(key.rpartition(".")[2], keys)
            raise ConfigError(key, f"unknown key{meant}; choose from {', '.join(keys)}") from error
        text = _first_line(error)
        raise ConfigError(key, NO_LIST if "ListConfig" in text else text) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _not_a_group(cls: type, values: Mapping[Any, Any]) -> str:
    """The dotted key at which a group of settings was given a single value; empty if there is none."""
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]) and field.name in values:
            value, kind = values[field.name], hints[field.name]
            if not isinstance(value, Mapping):
                return field.name
            if inside := _not_a_group(kind, value):
                return f"{field.name}.{inside}"
    return ""


def keys_at(cls: type, key: str) -> list[str]:
    """The keys that a dataclass takes beside a dotted key."""
    for part in key.split(".")[:-1]:
        cls = get_type_hints(cls)[part]
    return [field.name for field in dataclasses.fields(cls)]


def _instance(cls: type[T], plain: dict[str, Any]) -> T:
    hints = get_type_hints(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    registries: dict[str, Any] = {field.name: field.metadata.get("registry") for field in fields}
    values = dict(plain)
    for name, value in plain.items():
        with named_under(name):
            if registries[name] is not None:
                require(isinstance(value, dict), "name", _names(registries[name]), value)
                values[name] = choose(registries[name], literal(value))
            elif dataclasses.is_dataclass(hints[name]):
                require(isinstance(value, dict), "", "a group of values", value)
                values[name] = _instance(hints[name], value)
    return cls(**values)


def _names(registry: "Registry[Any]") -> str:
    return f"one of {', '.join(registry)}"


def _first_line(error: Exception) -> str:
    line = str(error).splitlines()[0]
    listed = re.fullmatch(r"Invalid value '(.*)', expected one of \[(.*)\]", line)
    if listed:
        line += similar(listed[1], listed[2].split(", "))
    return line[:1].lower() + line[1:]
