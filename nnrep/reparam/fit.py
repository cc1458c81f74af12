"""How a map is fitted to given positions before its minimisation begins."""

import math
from typing import NamedTuple

from nnrep.errors import is_integer, is_number, require


class Fit(NamedTuple):
    """How a map's parameters are fitted to the start: Adam on the mean squared error of its output.

    Attributes:
        max_steps: most steps.
        learning_rate: of Adam.
        patience: steps in a row without an improvement of more than min_delta, after which it ends.
        min_delta: in squared units of length.
    """

    max_steps: int = 1000
    learning_rate: float = 1e-3
    patience: int = 20
    min_delta: float = 1e-6

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        counted = is_integer(self.max_steps) and 0 <= self.max_steps < 2**31
        require(counted, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        positive = is_number(self.learning_rate) and 0 < self.learning_rate < math.inf
        require(positive, "learning_rate", "positive", self.learning_rate)
        counted = is_integer(self.patience) and 1 <= self.patience < 2**31
        require(counted, "patience", "from 1 to 2^31 - 1", self.patience)
        enough = is_number(self.min_delta) and 0 <= self.min_delta < math.inf
        require(enough, "min_delta", "zero or positive", self.min_delta)
