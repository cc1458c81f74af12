"""Which part of a structure file is computed: the choices of `system.model`, `system.chain`, ..."""

from dataclasses import dataclass
from enum import Enum

from nnrep.errors import is_integer, require


class Heterogens(Enum):
    """What happens to ligands, ions and other groups beside the protein."""

    drop = "drop"
    refuse = "refuse"


@dataclass(frozen=True)
class Preparation:
    """Which part of a structure file is prepared.

    Attributes:
        model: of an ensemble, counted from 1 in the order of the file.
        chain: the chain's letter as the authors gave it; None for the only protein chain.
        heterogens: drop ligands and ions, or refuse a structure that has them. Water is dropped always.
    """

    model: int = 1
    chain: str | None = None
    heterogens: Heterogens = Heterogens.drop

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the value out of range.
        """
        require(is_integer(self.model) and self.model >= 1, "model", "an integer of at least 1", self.model)
        name = self.chain
        fits = name is None or (isinstance(name, str) and len(name) <= 4 and not any(map(str.isspace, name)))
        require(fits, "chain", "a chain's letter (at most 4 characters, no blanks) or null", repr(name))
        known = isinstance(self.heterogens, Heterogens)
        require(known, "heterogens", f"one of {', '.join(Heterogens.__members__)}", self.heterogens)
