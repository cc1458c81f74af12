"""Names of arms: those at one temperature end with it, as "openmm_351"."""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Name(NamedTuple):
    """What an arm does, and at which temperature in K, if its name has one."""

    kind: str
    kelvin: float | None


def parsed(arm: str) -> Name:
    """An arm's name."""
    match = re.fullmatch(r"(\w+?)_(\d+(?:\.\d+)?)", arm)
    return Name(match[1], float(match[2])) if match else Name(arm, None)


def one_of_each(arms: Iterable[str]) -> list[str]:
    """The first arm of each kind."""
    first: dict[str, str] = {}
    for arm in arms:
        first.setdefault(parsed(arm).kind, arm)
    return list(first.values())
