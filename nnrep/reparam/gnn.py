"""`reparam=gnn`: a graph network along slow modes, or along the edges of a system; see `network`."""

from dataclasses import field
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np

from nnrep.choices.identity import counts_if, hashed_as, matters_if
from nnrep.choices.settings import settings
from nnrep.energies.padding import BONDS, padded_terms
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.modes.spectrum import SlowModes, padded_modes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.fit import Fit
from nnrep.reparam.network import (
    Activation,
    EdgeGraph,
    Residual,
    Weights,
    check_addable,
    check_self_weight,
    check_strength,
    edge_graph,
    graph,
    layer_widths,
    over_particles,
)
from nnrep.reparam.settings import MapConfig
from nnrep.systems.settings import Size
from nnrep.systems.system import System


class Graph(Enum):
    """Along what the network's convolution runs."""

    slow_modes = "slow_modes"
    bonds = "bonds"


class EdgeWeights(Enum):
    """Of edges in a graph of bonds: 1 each, or as strong as they couple (1 and loop_strength in a loop)."""

    unit = "unit"
    coupling = "coupling"


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


def _hashed_residual(residual: Residual) -> object:
    """The first two were no and yes."""
    return {Residual.none: False, Residual.concat: True}.get(residual, residual.name)


@settings("reparam/gnn")
class GNNConfig(MapConfig):
    """`reparam=gnn`: graph network; see `nnrep.reparam.graph`.

    Attributes:
        modes: a count, a share of n, "3*residues", or null for the default (or for modes.epsilon).
        hidden: width of the latent, or the list of all widths.
        layers: number of convolution layers, null for 1 or as hidden lists.
        residual: none; concat, the last layer sees every layer; add, each output is added to its input.
        features: append the system's node features (a protein's elements, charges, sizes) to the latent.
        activation: of the convolution layers.
        graph: slow_modes, or bonds: the edges of the system, a loop's bonds and loop couplings.
        self_weight: with graph=bonds, weight of a particle for itself beside 1 for each neighbour; null for
            self-loops in a normalised adjacency.
        edge_weights: with graph=bonds: unit, or coupling, as strong as the edges couple.
        weights: of slow modes in the convolution: expectation, kappa, or unit.
        strength: largest kappa in the convolution, null for the Hessian's own, as the authors have it.
        fit: how the network is fitted to the start before it is minimised over.
    """

    modes: Any = field(metadata=_IF_SLOW)
    hidden: Any
    layers: int | None
    residual: Residual = field(metadata=hashed_as(_hashed_residual))
    features: bool
    activation: Activation
    graph: Graph
    self_weight: float | None = field(metadata=_IF_BONDS)
    edge_weights: EdgeWeights = field(
        metadata={**_IF_BONDS, **counts_if(lambda gnn: gnn.edge_weights is not EdgeWeights.unit)}
    )
    weights: Weights = field(
        metadata={**_IF_SLOW, **counts_if(lambda gnn: gnn.weights is not Weights.expectation)}
    )
    strength: float | None = field(
        metadata=matters_if(
            lambda gnn: gnn.graph is Graph.slow_modes and gnn.weights is Weights.expectation,
            lambda gnn: (
                "weights=unit are 1" if gnn.graph is Graph.slow_modes else "graph=bonds needs no modes"
            ),
        )
    )
    fit: FitConfig

    takes_modes_here = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        widths = layer_widths(self.hidden, self.layers)
        if self.residual is Residual.add:
            check_addable(widths[1:] if self.features else widths)
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
    def needs_edge_weights(self) -> bool:
        """As `edge_weights` says."""
        return self.edge_weights is EdgeWeights.coupling

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the latent and the layers."""
        return layer_widths(self.hidden, self.layers)

    @property
    def fitting(self) -> Fit | None:
        """None without steps."""
        return self.fit.build() if self.fit.max_steps else None

    def products(self, size: Size, modes: int) -> int:
        """Both weights of every layer, to and from the modes, and the last layer."""
        layers = sum(2 * before * after + 2 * modes * after for before, after in pairwise(self.widths))
        return size.n * (layers + self.widths[-1] * size.dim)

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """See `nnrep.reparam.graph`."""
        return graph(
            _modes(slow, system) if slow else self._edge_graph(system),
            self.hidden,
            self.layers,
            residual=self.residual,
            activation=self.activation,
            weights=self.weights,
            strength=self.strength,
            features=system.node_features if self.features else None,
            particles=system.particles,
            about_centre=system.is_held,
        )

    def _edge_graph(self, system: System) -> EdgeGraph:
        """Of the edges, and those of the last dummy to itself, as many as a padded molecule has."""
        size, edges = len(system.positions), system.edges
        weights = system.edge_weights if self.needs_edge_weights else None
        if system.dummies:
            more = padded_terms(len(edges), BONDS, size) - len(edges)
            edges = np.concatenate([edges, np.full((more, 2), size - 1)])
            weights = None if weights is None else np.concatenate([weights, np.zeros(more)])
        return edge_graph(edges, size, self.self_weight, weights)


def _modes(slow: SlowModes | ModesHere, system: System) -> SlowModes | ModesHere:
    """Modes of all particles."""
    if isinstance(slow, ModesHere):
        return slow
    modes = padded_modes(slow, system)
    return over_particles(modes, system.positions.shape[1]) if slow.of == ModesOf.hessian.value else modes


CHOICE = GNNConfig
