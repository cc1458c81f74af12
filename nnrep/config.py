"""The schema of `configs/`: every key with its type and range, and the errors that name them."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING, DictConfig

from nnrep.errors import is_integer, named_under, require
from nnrep.minimization import Optimizer, Stopping, adam, sgd
from nnrep.minimization.minimize import seed_list
from nnrep.modes.slow import mode_count
from nnrep.reparam.graph import Activation, check_strength, layer_widths
from nnrep.schema import build
from nnrep.systems.registry import SYSTEMS


class Precision(Enum):
    """Floating-point type of positions and energies."""

    float32 = "float32"
    float64 = "float64"


class Graph(Enum):
    """Along what the network's convolution runs."""

    slow_modes = "slow_modes"
    bonds = "bonds"


def _check_factor(factor: float) -> None:
    require(0 < factor < math.inf, "learning_rate_factor", "positive", factor)


@dataclass
class NoneConfig:
    """`reparam=none`: the positions themselves."""

    name: str = "none"
    learning_rate_factor: float = 1.0

    def __post_init__(self) -> None:
        """Check the range."""
        _check_factor(self.learning_rate_factor)


@dataclass
class CGConfig:
    """`reparam=cg`: linear coarse-graining.

    Attributes:
        modes: a count, a share of n, or null for the default share (or for modes.epsilon).
        learning_rate_factor: learning rate of the coarse stage over that of the fine stage.
    """

    name: str = "cg"
    modes: Any = None
    learning_rate_factor: float = 50.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        only_one = is_integer(self.modes) and self.modes == 1
        require(not only_one, "modes", "at least 2 for a linear map", self.modes)
        _check_factor(self.learning_rate_factor)


@dataclass
class GNNConfig:
    """`reparam=gnn`: graph network; see `nnrep.reparam.graph`.

    Attributes:
        modes: a count, a share of n, or null for the default share (or for modes.epsilon).
        hidden: width of the latent, or the list of all widths.
        layers: number of convolution layers, null for 1 or as hidden lists.
        residual: the last layer sees every layer.
        activation: of the convolution layers.
        graph: slow_modes, or bonds: the edges of the system, a loop's bonds and loop couplings.
        strength: largest weight of a slow mode in the convolution, null for the Hessian's own.
        learning_rate_factor: learning rate of the coarse stage over that of the fine stage.
    """

    name: str = "gnn"
    modes: Any = None
    hidden: Any = 32
    layers: int | None = None
    residual: bool = False
    activation: Activation = Activation.tanh
    graph: Graph = Graph.slow_modes
    strength: float | None = 5.0
    learning_rate_factor: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges."""
        layer_widths(self.hidden, self.layers)
        check_strength(self.strength)
        unused = self.graph is Graph.bonds and self.modes is not None
        require(not unused, "modes", "null, as graph=bonds needs none", self.modes)
        _check_factor(self.learning_rate_factor)


@dataclass
class ModesConfig:
    """`modes`: which modes, of which backbone; see `nnrep.slow_modes`.

    Attributes:
        epsilon: all modes below epsilon^2 of the largest eigenvalue; null to ask by reparam.modes.
        seed: of the Hessian samples.
        samples: how many, null for the system's own number.
        background: include pairs without a coupling of their own.
    """

    epsilon: float | None = None
    seed: int = 0
    samples: int | None = None
    background: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        epsilon = self.epsilon
        require(epsilon is None or 0 < epsilon <= 1, "epsilon", "above 0 and at most 1, or null", epsilon)
        require(0 <= self.seed < 2**31, "seed", "from 0 to 2^31 - 1", self.seed)
        require(self.samples is None or self.samples >= 1, "samples", "at least 1, or null", self.samples)


@dataclass
class OptimizerConfig:
    """`optimizer`: see `nnrep.adam`. The stages' learning rates in `schedule` follow the one here."""

    name: str = MISSING
    learning_rate: float = 1e-2
    clamp: float | None = 0.1
    decay_rate: float = 1.0
    decay_steps: int = 1000

    def build(self, learning_rate: float) -> Optimizer:
        """The optimiser with the learning rate of a stage."""
        make = OPTIMIZERS[self.name]
        return make(learning_rate, clamp=self.clamp, decay_rate=self.decay_rate, decay_steps=self.decay_steps)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.name in OPTIMIZERS, "name", f"one of {', '.join(OPTIMIZERS)}", self.name)
        self.build(self.learning_rate)


OPTIMIZERS = {"adam": adam, "sgd": sgd}


@dataclass
class StageConfig:
    """A stage of the schedule: learning rate and stopping rule, see `nnrep.Stopping`."""

    learning_rate: float = MISSING
    min_delta: float = MISSING
    patience: int = MISSING
    check_every: int = MISSING
    divergence: float = MISSING

    def stopping(self) -> Stopping:
        """The stopping rule."""
        return Stopping(self.min_delta, self.patience, self.check_every, self.divergence)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.learning_rate < math.inf, "learning_rate", "positive", self.learning_rate)
        self.stopping().check()


@dataclass
class CoarseStageConfig(StageConfig):
    """The coarse stage may take `max_steps` steps; null is half of the run's max_steps."""

    max_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        steps = self.max_steps
        limited = steps is None or 0 <= steps < 2**31
        require(limited, "max_steps", "from 0 to 2^31 - 1, or null", steps)


@dataclass
class ScheduleConfig:
    """`schedule`: the coarse and the fine stage."""

    name: str = "paper"
    # The coarse stage follows the fine one by default: an error is named where it was made.
    fine: StageConfig = MISSING
    coarse: CoarseStageConfig = MISSING


REPARAMS: dict[str, type] = {"none": NoneConfig, "cg": CGConfig, "gnn": GNNConfig}
DEFAULT_MODE_SHARE = 0.25


@dataclass
class RunConfig:
    """The whole configuration of a run.

    Attributes:
        system, reparam, modes, optimizer, schedule: one a group.
        seeds: a count k (seeds 0..k-1) or a list.
        max_steps: most steps of a seed, all stages together.
        precision: of positions and energies.
        resume: go on in a run folder that holds an unfinished run of this configuration.
    """

    system: Any = MISSING
    reparam: Any = MISSING
    modes: ModesConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    schedule: ScheduleConfig = MISSING
    seeds: Any = 1
    max_steps: int = 60_000
    precision: Precision = Precision.float32
    resume: bool = False

    def __post_init__(self) -> None:
        """Check what concerns several groups, or none."""
        seed_list(self.seeds)
        require(0 <= self.max_steps < 2**31, "max_steps", "from 0 to 2^31 - 1", self.max_steps)
        asked = getattr(self.reparam, "modes", None)
        if asked is not None:
            both = "left out, as modes.epsilon is given"
            require(self.modes.epsilon is None, "reparam.modes", both, asked)
            with named_under("reparam"):
                mode_count(asked, self.system.n)

    @property
    def mode_count(self) -> int | float | None:
        """How many modes, as a count or a share of n, are asked for; None where modes.epsilon decides."""
        if self.modes.epsilon is not None:
            return None
        asked = getattr(self.reparam, "modes", None)
        if asked is not None:
            return asked
        # A handful at least: the first mode only moves all particles together.
        return min(self.system.n, max(4, round(DEFAULT_MODE_SHARE * self.system.n)))


def load_config(raw: DictConfig) -> RunConfig:
    """The checked configuration.

    Raises:
        ConfigError: naming the key at fault and what would be right.
    """
    return build(RunConfig, raw, {"system": SYSTEMS, "reparam": REPARAMS})


def as_plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested dicts of numbers, strings and lists, every key with its value."""
    plain = dataclasses.asdict(config, dict_factory=_plain_dict)
    return {key: value for key, value in plain.items() if key != "resume"}  # does not change a run


def _plain_dict(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.name if isinstance(value, Enum) else value for key, value in items}


def config_hash(config: RunConfig) -> str:
    """A short hash of all that decides the numbers of one seed."""
    deciding = {key: value for key, value in as_plain(config).items() if key != "seeds"}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:12]
