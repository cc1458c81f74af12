"""`OptimizerConfig`: what every choice of `optimizer` has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from nnrep.choices.identity import matters_if
from nnrep.minimization.optimizers.optimizer import Optimizer, chain, clamp, no_clamp
from nnrep.minimization.optimizers.rates import Rate, exponential_decay


@dataclass(kw_only=True)
class OptimizerConfig:
    """Settings of an optimiser. The stages' learning rates in `schedule` follow the one here.

    Attributes:
        name: of the choice.
        learning_rate: of the fine stage.
        clamp: gradients are clamped elementwise to [-clamp, clamp]; null for not at all.
        decay_rate, decay_steps: the learning rate falls as decay_rate ** (step / decay_steps).
    """

    name: str
    learning_rate: float
    clamp: float | None
    decay_rate: float
    decay_steps: int = field(
        metadata=matters_if(lambda optimizer: optimizer.decay_rate != 1, "a decay_rate of 1 is no decay")
    )

    # In pictures, #RRGGBB, or grey if empty; in tables and claims of figures, or its name if empty.
    color: ClassVar[str] = ""
    label: ClassVar[str] = ""
    # learning rate -> the optimiser.
    make: ClassVar[Callable[[Rate], Optimizer]]

    def build(self, learning_rate: float) -> Optimizer:
        """The optimiser with the learning rate of a stage.

        Clamp and decay are chained whatever they are, so that a sweep over them compiles once.

        Raises:
            ConfigError: a number out of range.
        """
        limit = no_clamp() if self.clamp is None else self.clamp
        rate = exponential_decay(learning_rate, self.decay_rate, self.decay_steps)
        return chain(clamp(limit), type(self).make(rate))

    def __post_init__(self) -> None:
        """Check the ranges."""
        self.build(self.learning_rate)
