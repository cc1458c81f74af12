"""`reparam=gnn`: a graph network along slow modes, or along the edges of a system; see `network`."""

from dataclasses import field
from enum import Enum
from typing import Any

import numpy as np

from nnrep.choices.identity import matters_if
from nnrep.choices.settings import settings
from nnrep.energies.padding import BONDS, padded_terms
from nnrep.errors import require
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import Of
from nnrep.modes.spectrum import SlowModes, padded_modes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.fit import Fit
from nnrep.reparam.network import (
    Activation,
    check_self_weight,
    check_strength,
    edge_graph,
    graph,
    layer_widths,
)
from nnrep.reparam.settings import MapConfig
from nnrep.systems.system import System


class Graph(Enum):
    """Along what the network's convolution runs."""

    slow_modes = "slow_modes"
    bonds = "bonds"


_IF_SLOW = matters_if(lambda gnn: gnn.graph is Graph.slow_modes, "graph=bonds needs no modes")
_IF_BONDS = matters_if(lambda gnn: gnn.graph is Graph.bonds, "graph=slow_modes has no edges")
_IF_FITTED = matters_if(lambda fit: fit.max_steps > 0, "fit.max_steps=0 fits nothing")


@settings("reparam/gnn", "fit")
class FitConfig:
    """`reparam.fit`: see `nnrep.Fit`; with no steps the network is only scaled to the start's spread."""

    max_steps: int
    learning_rate: float = field(metadata=_IF_FITTED)
    patience: int = field(metadata=_IF_FITTED)
    min_delta: float = field(metadata=_IF_FITTED)

    def build(self) -> Fit:
        """What `minimize` takes."""
        return Fit(self.max_steps, self.learning_rate, self.patience, self.min_delta)

    def __post_init__(self) -> None:
        """Check the ranges."""
        self.build().check()


@settings("reparam/gnn")
class GNNConfig(MapConfig):
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
    """

    modes: Any = field(metadata=_IF_SLOW)
    hidden: Any
    layers: int | None
    residual: bool
    features: bool
    activation: Activation
    graph: Graph
    self_weight: float | None = field(metadata=_IF_BONDS)
    strength: float | None = field(metadata=_IF_SLOW)
    fit: FitConfig

    def __post_init__(self) -> None:
        """Check the ranges."""
        layer_widths(self.hidden, self.layers)
        check_strength(self.strength)
        check_self_weight(self.self_weight)
        super().__post_init__()

    @property
    def needs_modes(self) -> bool:
        """Along slow modes."""
        return self.graph is Graph.slow_modes

    @property
    def needs_features(self) -> bool:
        """As `features` says."""
        return self.features

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the latent and the layers."""
        return layer_widths(self.hidden, self.layers)

    @property
    def fitting(self) -> Fit | None:
        """None without steps."""
        return self.fit.build() if self.fit.max_steps else None

    def check_modes(self, modes: ModesConfig) -> None:
        """The convolution runs over particles."""
        allowed = "backbone or graph, as the convolution of reparam=gnn runs over particles"
        require(not self.needs_modes or modes.of is not Of.hessian, "modes.of", allowed, modes.of.value)

    def build(self, system: System, modes: ModesConfig, slow: SlowModes | None) -> Reparametrization:
        """See `nnrep.reparam.graph`."""
        size = len(system.positions)
        return graph(
            padded_modes(slow, system) if slow else edge_graph(_edges(system), size, self.self_weight),
            self.hidden,
            self.layers,
            residual=self.residual,
            activation=self.activation,
            strength=self.strength,
            features=system.node_features if self.features else None,
            particles=system.particles,
        )


def _edges(system: System) -> np.ndarray:
    """The edges, and those of the last dummy to itself, as many as a padded molecule has."""
    if system.dummies == 0:
        return system.edges
    size = len(system.positions)
    more = padded_terms(len(system.edges), BONDS, size) - len(system.edges)
    return np.concatenate([system.edges, np.full((more, 2), size - 1)])


CHOICE = GNNConfig
