"""What settings say of a run: their plain form, their hash, and which of them are without effect."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

IN_PLAIN, IN_HASH, HASHED_AS, EFFECT = "in_plain", "in_hash", "hashed_as", "effect"

# Metadata of a field that changes no run: it is neither in the plain form nor in the hash.
NO_PART: dict[str, Any] = {IN_PLAIN: False, IN_HASH: False}
# Metadata of a field that is written down, but is the same for all runs of one hash.
NOT_IN_HASH: dict[str, Any] = {IN_HASH: False}


def counts_if(condition: Callable[[Any], bool]) -> dict[str, Any]:
    """Metadata of a field that is in the hash only where the condition holds of the settings it belongs to.

    A field that came later, or that another choice makes void, then leaves the names of earlier runs as they
    are.
    """
    return {IN_HASH: condition}


def part_if(condition: Callable[[Any], bool]) -> dict[str, Any]:
    """Metadata of a field that is in the plain form and the hash only where the condition holds, as that of
    `counts_if` is in the hash."""
    return {IN_PLAIN: condition, IN_HASH: condition}


def hashed_as(form: Callable[[Any], Any]) -> dict[str, Any]:
    """Metadata of a field that is in the hash by another value: what it stands for, or what it once was."""
    return {HASHED_AS: form}


class Effect(NamedTuple):
    """When a field has an effect, and why not otherwise; both are told of the settings it belongs to."""

    condition: Callable[[Any], bool]
    reason: Callable[[Any], str]


def matters_if(condition: Callable[[Any], bool], reason: str | Callable[[Any], str]) -> dict[str, Any]:
    """Metadata of a field that has no effect unless the condition holds of the settings it belongs to.

    Args:
        condition: settings -> bool.
        reason: why it has none otherwise, to be read after "must be ..., as": "graph=bonds needs no modes".
    """
    return {EFFECT: Effect(condition, reason if callable(reason) else lambda _: reason)}


def without_effect(settings: Any) -> dict[str, str]:
    """The dotted keys of fields without effect, whatever their values are, each with the reason.

    Of a group without effect as a whole there is one entry, its own. Keys in a list have their places in it.
    """
    reasons: dict[str, str] = {}
    for field in dataclasses.fields(settings):
        effect: Effect | None = field.metadata.get(EFFECT)
        if effect is not None and not effect.condition(settings):
            reasons[field.name] = effect.reason(settings)
            continue
        value = getattr(settings, field.name)
        inside = enumerate(value) if isinstance(value, list) else [("", value)]
        for place, each in inside:
            if dataclasses.is_dataclass(each) and not isinstance(each, type):
                prefix = f"{field.name}.{place}." if place != "" else f"{field.name}."
                reasons |= {f"{prefix}{key}": reason for key, reason in without_effect(each).items()}
    return reasons


def plain_form(settings: Any) -> Any:
    """Settings as nested dicts of numbers, strings and lists, every key with its value."""
    return _plain(settings, IN_PLAIN)


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested groups of plain values by dotted keys; lists are values."""
    if not isinstance(values, Mapping):
        return {prefix: values}
    leaves: dict[str, Any] = {}
    for key, value in values.items():
        leaves |= flat(value, f"{prefix}.{key}" if prefix else str(key))
    return leaves


def is_in(key: str, above: str) -> bool:
    """Whether a dotted key is another one, or in it."""
    return key == above or key.startswith(f"{above}.")


def as_yaml(value: Any) -> str:
    """A value of the configuration as YAML has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def hash_of(settings: Any) -> str:
    """A short hash (12 hexadecimal digits) of all that decides the numbers of a run."""
    deciding = json.dumps(_plain(settings, IN_HASH), sort_keys=True)
    return hash_of_bytes(deciding.encode())


def digest(values: Any) -> str:
    """The same of plain values."""
    return hash_of_bytes(json.dumps(values, sort_keys=True).encode())


def _plain(value: Any, use: str) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field for field in dataclasses.fields(value) if _counts(field, value, use)]
        return {field.name: _plain(_value(field, value, use), use) for field in fields}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(each, use) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, use) for each in value]
    return value


def _value(field: dataclasses.Field, owner: Any, use: str) -> Any:
    value = getattr(owner, field.name)
    return field.metadata[HASHED_AS](value) if use == IN_HASH and HASHED_AS in field.metadata else value


def _counts(field: dataclasses.Field, owner: Any, use: str) -> bool:
    condition = field.metadata.get(use, True)
    return condition(owner) if callable(condition) else bool(condition)


def hash_of_bytes(content: bytes) -> str:
    """A short hash (12 hexadecimal digits) of what a file holds, or of any other bytes."""
    return hashlib.sha256(content).hexdigest()[:12]
