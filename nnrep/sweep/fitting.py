"""Overrides beside the choices of an experiment: `reparam.hidden=8` is for points with a network alone."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from nnrep.baselines.registry import BASELINES
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.reparam.registry import MAPS

# Groups whose choices have keys of their own, and what these choices are.
CHOICES: Mapping[str, Mapping[str, Any]] = {"reparam": MAPS, "optimizer": OPTIMIZERS, "baseline": BASELINES}


def fitting(points: Sequence[Sequence[str]], overrides: Sequence[str]) -> list[list[str]]:
    """The points without those overrides whose key the point's own choice does not have.

    One that fits no point stays in all of them: there it is refused.

    Args:
        points: the overrides of each, those of the command line among them.
        overrides: those of the command line.
    """
    given = {key for override in overrides if (key := _key_of(override)).partition(".")[0] in CHOICES}
    unfit = [{key for key in given if not _fits(key, point)} for point in points]
    nowhere = set.intersection(*unfit) if unfit else set()
    return [
        [override for override in point if _key_of(override) not in missing - nowhere]
        for point, missing in zip(points, unfit, strict=True)
    ]


def _fits(key: str, point: Sequence[str]) -> bool:
    """Whether the choice of a point has a dotted key of its group; if the point names no choice, it may."""
    group, _, own = key.partition(".")
    pairs = (override.partition("=") for override in point)
    named = [value for name, _, value in pairs if name == group]
    if not own or not named or named[-1] not in CHOICES[group]:
        return True
    return own.partition(".")[0] in {field.name for field in fields(CHOICES[group][named[-1]])}


def _key_of(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
