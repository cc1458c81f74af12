"""The graph of a system's couplings, without weights (paper, theorem 2.2)."""

import numpy as np
import scipy  # loads its parts as they are used

from nnrep.errors import require
from nnrep.systems.system import System


def coupling_graph(system: System) -> "scipy.sparse.csr_array":
    """The adjacency (n, n) of a system's edges, every one of weight 1.

    Raises:
        ConfigError: it names none.
    """
    allowed = "backbone or hessian, as the system names no edges"
    require(len(system.edges) > 0, "modes.of", allowed, "graph")
    i, j = np.asarray(system.edges).T
    ones = scipy.sparse.coo_array((np.ones(len(i)), (i, j)), shape=(system.n, system.n)).tocsr()
    return scipy.sparse.csr_array((ones + ones.T) > 0, dtype=float)
