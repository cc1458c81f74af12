"""What all readers of OpenMM's forces need."""

import re
from collections.abc import Iterable
from typing import Any

import openmm


def of_kind(forces: Iterable[openmm.Force], kind: type | tuple[type, ...]) -> list[Any]:
    """The forces of a kind, or of one of some kinds."""
    return [force for force in forces if isinstance(force, kind)]


def expression_of(force: Any) -> str:
    """The energy of a custom force, without blanks, and with pi by name."""
    text = re.sub(r"\s", "", force.getEnergyFunction()).rstrip(";")
    return re.sub(r"3\.14159\d*", "pi", text).replace(";pi=pi", "")
