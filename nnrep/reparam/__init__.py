"""Through which map the positions are seen: X = rho(Z)."""

from nnrep.reparam.base import Reparametrization
from nnrep.reparam.graph import EdgeGraph, edge_graph, graph
from nnrep.reparam.identity import identity
from nnrep.reparam.linear import linear
from nnrep.reparam.spectral import spectral, spectral_at_start

__all__ = [
    "EdgeGraph",
    "Reparametrization",
    "edge_graph",
    "graph",
    "identity",
    "linear",
    "spectral",
    "spectral_at_start",
]
