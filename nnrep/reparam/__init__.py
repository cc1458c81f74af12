"""Through which map the positions are seen: X = rho(Z)."""

from nnrep.reparam.base import Anchored, Reparametrization
from nnrep.reparam.cg import linear
from nnrep.reparam.cholesky import cholesky_at_start
from nnrep.reparam.egnn import equivariant
from nnrep.reparam.network import EdgeGraph, edge_graph, graph, over_particles
from nnrep.reparam.none import from_springs, identity
from nnrep.reparam.spectral import spectral_at_start, spectral_map
from nnrep.reparam.torsion import torsion_at_start

__all__ = [
    "Anchored",
    "EdgeGraph",
    "Reparametrization",
    "cholesky_at_start",
    "edge_graph",
    "equivariant",
    "from_springs",
    "graph",
    "identity",
    "linear",
    "over_particles",
    "spectral_at_start",
    "spectral_map",
    "torsion_at_start",
]
