"""The expressions of an OpenMM `CustomGBForce`, and what numbers they have where they are of a known form."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Names that a definition may give a number, whether or not it is used.
CONSTANTS = ("solventDielectric", "soluteDielectric", "kappa", "offset", "cutoff", "neckScale", "neckCut")
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


class Form(NamedTuple):
    """A form that an expression may have, without blanks.

    Attributes:
        text: of the expression, with {name} for a number.
        parts: name -> text of each definition that it needs.
        constants: names that are numbers, by a definition or by a parameter of the force.
    """

    text: str
    parts: Mapping[str, str] = {}
    constants: Sequence[str] = ()


def numbers_of(expression: str, form: Form, parameters: Mapping[str, float]) -> dict[str, float] | None:
    """The numbers in an expression that has a form, by their names there; None if it does not have it.

    Args:
        expression: "value; name = definition; ...", as OpenMM takes it.
        form: which it may have.
        parameters: of the force, by name.
    """
    value, *rest = re.sub(r"\s", "", expression).rstrip(";").split(";")
    parts = dict(part.partition("=")[::2] for part in rest)
    matched = _pattern(form.text).fullmatch(value)
    if matched is None or any(parts.get(name) != text for name, text in form.parts.items()):
        return None
    others = {name: text for name, text in parts.items() if name not in form.parts}
    if len(parts) < len(rest) or not all(name in CONSTANTS and _is_number(others[name]) for name in others):
        return None
    known = {**parameters, **{name: float(text) for name, text in others.items()}}
    if not known.keys() >= set(form.constants):
        return None
    own = {name: float(text) for name, text in matched.groupdict().items()}
    return own | {name: known[name] for name in form.constants}


def _is_number(text: str) -> bool:
    return re.fullmatch(f"-?{NUMBER}", text) is not None


def _pattern(text: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", text)
    return re.compile(
        "".join(
            f"(?P<{piece}>{NUMBER})" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
        )
    )
