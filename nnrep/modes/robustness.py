"""Whether slow modes may be computed once and kept (paper, theorem 2.2).

The theorem: the modes with |lambda| < epsilon^2 max lambda of the weighted Laplacian are those of the
unweighted graph up to O(epsilon^2). Here those of the sampled backbone are compared, epsilon by epsilon, with
as many of the unweighted graph and of the Hessian at single configurations.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import scipy  # loads its parts as they are used
from jax import Array
from jax.tree_util import Partial

from nnrep.modes.backbone import Sampling
from nnrep.modes.eigensolvers import Eigenpairs, largest_eigenvalue, lowest_eigenpairs
from nnrep.modes.free import free_part
from nnrep.modes.graph import coupling_graph
from nnrep.modes.overlap import agreement
from nnrep.modes.slow import backbone_of
from nnrep.modes.spectrum import laplacian, number_below
from nnrep.systems import System

MOST_MODES = 1000  # of systems too large for all their modes
ALL_MODES = 2000  # particles up to which all modes are computed
UNWEIGHTED = "unweighted graph"
STRONG = 1e-3  # of the strongest coupling: what is an edge in a system that names none

COLUMNS = [
    "reference",
    "step",
    "epsilon",
    "epsilon_squared",
    "modes",
    "share",
    "gap",
    "overlap",
    "overlap_of_random",
    "largest_angle_degrees",
]


def robustness_table(
    system: System,
    sampling: Sampling,
    path: Mapping[int, np.ndarray],
    epsilons: Iterable[float],
    background: bool = False,
) -> Iterator[pd.DataFrame]:
    """Overlap of the slow subspace with those of other matrices: one table for each of these, as it is done.

    The columns are `COLUMNS`: the matrix ("unweighted graph" or "step S") and its step; epsilon and its
    square; number k of modes and share of n; gap, the next eigenvalue less the last one, over the largest;
    overlap and largest principal angle, see `Agreement`; the overlap k/n that a random subspace has on
    average.
    Epsilons with more than `MOST_MODES` modes are left out where the system is large.

    Args:
        system: n particles that may move.
        sampling: the configurations of its modes, see `sampling_of`.
        path: step -> positions (n, d) at which single Hessians are taken.
        epsilons: of definition 2.1.
        background: as in `slow_modes`.
    """
    backbone = free_part(backbone_of(system, sampling, background)[0], system)
    most = system.n_free if system.n_free <= ALL_MODES else MOST_MODES
    matrix = laplacian(backbone)
    own, largest = lowest_eigenpairs(matrix, most), largest_eigenvalue(matrix)
    counts = {epsilon: number_below(own.values, epsilon, largest) for epsilon in epsilons}
    counts = {epsilon: count for epsilon, count in counts.items() if count < most or most == system.n_free}
    needed = max(counts.values(), default=1)
    graph = lowest_eigenpairs(laplacian(unweighted_graph(system, backbone)), needed)
    yield _rows(UNWEIGHTED, None, own, largest, graph, counts)
    for step, positions in path.items():
        fixed = Partial(_fixed, jnp.asarray(positions, float))
        whole, _ = backbone_of(system, sampling._replace(draw=fixed, samples=1), background)
        single = free_part(whole, system)
        yield _rows(f"step {step}", step, own, largest, lowest_eigenpairs(laplacian(single), needed), counts)


def unweighted_graph(
    system: System, backbone: "np.ndarray | scipy.sparse.csr_array"
) -> "scipy.sparse.csr_array":
    """The adjacency (n, n) of the system's edges, of particles that may move; of one that names none, of its
    stronger couplings."""
    if len(system.edges):
        return free_part(coupling_graph(system), system)
    couplings = scipy.sparse.csr_array(backbone)
    couplings = couplings - scipy.sparse.diags_array(couplings.diagonal())
    ones = scipy.sparse.csr_array(couplings > STRONG * couplings.max(), dtype=float)
    return scipy.sparse.csr_array((ones + ones.T) > 0, dtype=float)


def _fixed(positions: Array, key: Array, t: Array) -> Array:
    return positions


def _rows(
    reference: str,
    step: int | None,
    own: Eigenpairs,
    largest: float,
    other: Eigenpairs,
    counts: Mapping[float, int],
) -> pd.DataFrame:
    n = len(own.vectors)
    rows: list[dict[str, Any]] = []
    for epsilon, count in counts.items():
        seen = agreement(own.vectors[:, :count], other.vectors[:, :count])
        following = own.values[count] if count < len(own.values) else np.nan
        rows.append(
            {
                "reference": reference,
                "step": step,
                "epsilon": epsilon,
                "epsilon_squared": epsilon**2,
                "modes": count,
                "share": count / n,
                "gap": (following - own.values[count - 1]) / largest,
                "overlap": seen.overlap,
                "overlap_of_random": count / n,
                "largest_angle_degrees": seen.largest_angle,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def spread_indices(count: int, wanted: int) -> list[int]:
    """Indices below a count, ascending: the first, the last, and others at growing distances between."""
    others = np.geomspace(max(1, count - 1), 1, wanted - 1).round().astype(int)
    return sorted({0, *others.tolist()} & set(range(count)))
