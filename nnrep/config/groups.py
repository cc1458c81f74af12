"""The groups of `configs/`: every key with its type and range, and the errors that name them."""

import dataclasses
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING

from nnrep.errors import is_integer, require
from nnrep.minimization import Fit, Optimizer, adam, fire, lbfgs, sgd
from nnrep.modes.eigensolvers import MAX_PRODUCTS
from nnrep.modes.normal import check_normal_solver
from nnrep.modes.slow import Backbone, Of, Solver, check_unsampled
from nnrep.reparam.graph import Activation, check_self_weight, check_strength, layer_widths
from nnrep.reparam.spectral import POWER, SHIFT, check_spectrum


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
        modes: a count, a share of n, "3*residues", or null for the default (or for modes.epsilon).
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
class FitConfig:
    """`reparam.fit`: see `nnrep.Fit`; with no steps the network is only scaled to the start's spread."""

    max_steps: int = 0
    learning_rate: float = 1e-3
    patience: int = 20
    min_delta: float = 1e-6

    def build(self) -> Fit | None:
        """What `minimize` takes."""
        return self._fit if self.max_steps else None

    @property
    def _fit(self) -> Fit:
        return Fit(self.max_steps, self.learning_rate, self.patience, self.min_delta)

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._fit.check()


@dataclass
class GNNConfig:
    """`reparam=gnn`: graph network; see `nnrep.reparam.graph`.

    Attributes:
        modes: a count, a share of n, "3*residues", or null for the default (or for modes.epsilon).
        hidden: width of the latent, or the list of all widths.
        layers: number of convolution layers, null for 1 or as hidden lists.
        residual: the last layer sees every layer.
        features: append the system's node features (a protein's elements, charges, sizes) to the latent.
        activation: of the convolution layers.
        graph: slow_modes, or bonds: the edges of the system, a loop's bonds and loop couplings.
        self_weight: with graph=bonds, weight of a particle for itself beside 1 for each neighbour; null for
            self-loops in a normalised adjacency.
        strength: largest weight of a slow mode in the convolution, null for the Hessian's own.
        fit: how the network is fitted to the start before it is minimised over.
        learning_rate_factor: learning rate of the coarse stage over that of the fine stage.
    """

    name: str = "gnn"
    modes: Any = None
    hidden: Any = 32
    layers: int | None = None
    residual: bool = False
    features: bool = False
    activation: Activation = Activation.tanh
    graph: Graph = Graph.slow_modes
    self_weight: float | None = None
    strength: float | None = 5.0
    fit: FitConfig = dataclasses.field(default_factory=lambda: FitConfig())
    learning_rate_factor: float = 0.1

    def __post_init__(self) -> None:
        """Check the ranges."""
        layer_widths(self.hidden, self.layers)
        check_strength(self.strength)
        check_self_weight(self.self_weight)
        unused = self.graph is Graph.bonds and self.modes is not None
        require(not unused, "modes", "null, as graph=bonds needs none", self.modes)
        _check_factor(self.learning_rate_factor)


@dataclass
class SpectralConfig:
    """`reparam=spectral`: all modes at once; see `nnrep.reparam.spectral`.

    Attributes:
        shift: of the eigenvalues, relative to the largest.
        power: S_i = (lambda_i / lambda_max + shift)^(-power).
        start_length: distance of coupled pairs, root mean square, of what the map leaves of the start, from
            which it is to begin; null begins at the start itself.
        learning_rate_factor: learning rate of the coarse stage over that of the fine stage.
    """

    name: str = "spectral"
    shift: float = SHIFT
    power: float = POWER
    start_length: float | None = None
    learning_rate_factor: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_spectrum(self.shift, self.power, self.start_length)
        _check_factor(self.learning_rate_factor)


@dataclass
class ModesConfig:
    """`modes`: which modes, of which matrix; see `nnrep.slow_modes`.

    Attributes:
        of: the Laplacian of the Hessian's backbone or of the couplings' graph, or the Hessian itself.
        backbone: mean_norm or sum_square.
        epsilon: all modes below epsilon^2 of the largest eigenvalue; null to ask by reparam.modes.
        seed: of the Hessian samples.
        samples: how many, null for the system's own number.
        noise: standard deviation around the start, of proteins in Angstrom; null for the system's own
            configurations.
        background: include pairs without a coupling of their own.
        solver: of the eigenproblem.
        max_products: most products that Lanczos may take.
    """

    of: Of = Of.backbone
    backbone: Backbone = Backbone.mean_norm
    epsilon: float | None = None
    seed: int = 0
    samples: int | None = None
    noise: float | None = None
    background: bool = False
    solver: Solver = Solver.auto
    max_products: int = MAX_PRODUCTS

    def __post_init__(self) -> None:
        """Check the ranges."""
        epsilon = self.epsilon
        require(epsilon is None or 0 < epsilon <= 1, "epsilon", "above 0 and at most 1, or null", epsilon)
        require(0 <= self.seed < 2**31, "seed", "from 0 to 2^31 - 1", self.seed)
        samples = self.samples
        countable = samples is None or 1 <= samples < 2**31
        require(countable, "samples", "from 1 to 2^31 - 1, or null", samples)
        noise = self.noise
        require(noise is None or 0 <= noise < math.inf, "noise", "zero or positive, or null", noise)
        products = self.max_products
        require(1 <= products < 2**31, "max_products", "from 1 to 2^31 - 1", products)
        if self.of is not Of.backbone:
            check_unsampled(self.of, self.samples, noise, self.background)
        if self.of is Of.hessian:
            check_normal_solver(self.solver)


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


OPTIMIZERS = {"adam": adam, "sgd": sgd, "lbfgs": lbfgs, "fire": fire}


@dataclass
class PathsConfig:
    """`paths`: where files are found; no part of what a run is.

    Attributes:
        structures: folders in which entries of the Protein Data Bank are looked for first.
    """

    structures: Any = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        """Take one folder as a list of one, and check the types."""
        if isinstance(self.structures, str):
            self.structures = [self.structures]
        folders = self.structures
        listed = isinstance(folders, list) and all(isinstance(folder, str) for folder in folders)
        require(listed, "structures", "a folder or a list of folders", folders)


@dataclass
class RecordConfig:
    """`record`: what a run keeps beside its ends.

    Attributes:
        every: write a trajectory of a frame every so many steps of a stage; null for none.
    """

    every: int | None = None


MOST_DRAWN = 24  # in one picture


@dataclass
class LookConfig:
    """`look`: what `nnrep modes` shows.

    Attributes:
        drawn: number of modes that are drawn, or a list of modes.
        minimize: take the Hessian's modes where a minimisation without a map ends, not at its start.
        robustness: compare the slow modes with those of other matrices.
        epsilons: for the modes with |lambda| < epsilon^2 max lambda, of each of these.
        frames: number of configurations along the minimisation.
    """

    drawn: Any = 6
    minimize: bool = False
    robustness: bool = True
    epsilons: Any = dataclasses.field(default_factory=list)
    frames: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        drawn = self.drawn
        few = is_integer(drawn) and 1 <= drawn <= MOST_DRAWN
        listed = isinstance(drawn, list) and 1 <= len(drawn) <= MOST_DRAWN
        modes = listed and all(is_integer(mode) and mode >= 1 for mode in drawn)
        allowed = f"from 1 to {MOST_DRAWN}, or a list of so many modes, counted from 1"
        require(few or modes, "drawn", allowed, drawn)
        epsilons = self.epsilons
        numbers = isinstance(epsilons, list) and all(
            isinstance(epsilon, float | int) and not isinstance(epsilon, bool) for epsilon in epsilons
        )
        listed = numbers and len(epsilons) > 0 and all(0 < epsilon <= 1 for epsilon in epsilons)
        require(listed, "epsilons", "a list of numbers above 0 and at most 1", epsilons)
        require(2 <= self.frames <= 100, "frames", "from 2 (start and end) to 100", self.frames)


@dataclass
class NoBaselineConfig:
    """`baseline=none`: nnrep minimises."""

    name: str = "none"
