"""Which part of a structure file is computed: the choices of `system.model`, `system.chain`, ..."""

from dataclasses import dataclass
from enum import Enum

from nnrep.errors import is_integer, require

ALL = "all"  # chains


class Heterogens(Enum):
    """What happens to ligands, ions and other groups beside the protein."""

    drop = "drop"
    refuse = "refuse"


@dataclass(frozen=True)
class Preparation:
    """Which part of a structure file is prepared.

    Attributes:
        model: of an ensemble, counted from 1 in the order of the file.
        chain: the chain's letter as the authors gave it; several with commas between them; "all"; None for
            the only protein chain.
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
        names = self.chains or ()
        fits = self.chain is None or (isinstance(self.chain, str) and all(map(_is_letter, names)))
        fits = fits and (len(names) < 2 or all(names))
        allowed = "a chain's letter (at most 4 characters, no blanks), several such as A,B, all, or null"
        require(fits, "chain", allowed, repr(self.chain))
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, "chain", "chains that differ", repr(self.chain))
        known = isinstance(self.heterogens, Heterogens)
        require(known, "heterogens", f"one of {', '.join(Heterogens.__members__)}", self.heterogens)

    @property
    def chains(self) -> tuple[str, ...] | None:
        """Letters of the chains; empty for all of them, None for the only one."""
        if self.chain is None:
            return None
        return () if self.chain == ALL else tuple(name.strip() for name in str(self.chain).split(","))


def _is_letter(name: str) -> bool:
    return len(name) <= 4 and not any(map(str.isspace, name))
