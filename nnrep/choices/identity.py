"""What a run is called by: its settings in plain form, and their hash."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from enum import Enum
from typing import Any

IN_PLAIN, IN_HASH = "in_plain", "in_hash"

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


def plain_form(settings: Any) -> Any:
    """Settings as nested dicts of numbers, strings and lists, every key with its value."""
    return _plain(settings, IN_PLAIN)


def hash_of(settings: Any) -> str:
    """A short hash (12 hexadecimal digits) of all that decides the numbers of a run."""
    deciding = json.dumps(_plain(settings, IN_HASH), sort_keys=True)
    return hashlib.sha256(deciding.encode()).hexdigest()[:12]


def digest(values: Any) -> str:
    """The same of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def _plain(value: Any, use: str) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field for field in dataclasses.fields(value) if _counts(field, value, use)]
        return {field.name: _plain(getattr(value, field.name), use) for field in fields}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(each, use) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, use) for each in value]
    return value


def _counts(field: dataclasses.Field, owner: Any, use: str) -> bool:
    condition = field.metadata.get(use, True)
    return condition(owner) if callable(condition) else bool(condition)
