"""`RuleChoice`: a stopping rule that a stage's keys can ask for."""

from collections.abc import Callable
from typing import Any, NamedTuple

from nnrep.minimization.stopping.rule import Rule


class RuleChoice(NamedTuple):
    """A stopping rule by its keys.

    Attributes:
        settings: a dataclass of keys that every stage has; `__post_init__` checks their ranges.
        build: a stage's settings -> the rule, or None where its keys do not ask for it. None, for the rules
            that every stage has: their numbers are attributes of `Stopping`.
    """

    settings: type
    build: Callable[[Any], Rule | None] | None = None
