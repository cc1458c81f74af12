"""The runs behind the paper's figure 3, as its authors logged them (one GPU)."""

from typing import NamedTuple

from nnrep.figures.evidence import Evidence
from nnrep.figures.loops import is_published


class Published(NamedTuple):
    """The runs of one loop, size and method; times in seconds.

    Attributes:
        runs: how many.
        best: lowest energy of a single run.
        best_mean: lowest mean over the 5 runs of a setting.
        best_mean_time: mean time of that setting.
        median: of all runs.
        median_time: of all runs.
        total_time: all runs together.
    """

    runs: int
    best: float
    best_mean: float
    best_mean_time: float
    median: float
    median_time: float
    total_time: float


PUBLISHED_SOURCE = "authors' result tables"

# (potential, n, reparam) -> what was published.
PUBLISHED_RUNS = {
    ("pure_lj", 1000, "none"): Published(30, -0.0090, -0.0070, 7.7, -0.0055, 7.2, 184),
    ("pure_lj", 1000, "cg"): Published(180, -0.1004, -0.0771, 11.8, 0.2232, 29.2, 5084),
    ("pure_lj", 1000, "gnn"): Published(360, -0.0867, -0.0493, 10.8, -0.0082, 7.5, 3382),
    ("bond_lj", 1000, "none"): Published(16, -0.0233, -0.0232, 21.2, -0.0230, 17.1, 266),
    ("bond_lj", 1000, "cg"): Published(94, -0.0234, -0.0234, 26.3, -0.0222, 14.5, 1358),
    ("bond_lj", 1000, "gnn"): Published(187, -0.0233, -0.0232, 29.5, -0.0220, 11.2, 2454),
    ("pure_lj", 400, "none"): Published(30, 0.2343, 0.2387, 6.3, 0.2411, 7.0, 183),
    ("pure_lj", 400, "cg"): Published(180, -0.1115, -0.0939, 6.9, 0.5208, 17.7, 3463),
    ("pure_lj", 400, "gnn"): Published(360, -0.1230, -0.0598, 8.5, 0.0945, 7.7, 3093),
    ("bond_lj", 400, "none"): Published(30, -0.0232, -0.0232, 18.8, -0.0231, 11.7, 403),
    ("bond_lj", 400, "cg"): Published(180, -0.0233, -0.0233, 21.8, -0.0220, 12.9, 2336),
    ("bond_lj", 400, "gnn"): Published(360, -0.0232, -0.0232, 18.2, -0.0219, 11.7, 4606),
}


def published_of(evidence: Evidence, potential: str) -> dict[str, Published]:
    """What was published of a loop of the size that was run, by reparam.

    Empty if nothing was, or if the loop that was run is another one but for its size.
    """
    sizes = evidence.summary.loc[evidence.summary["potential"] == potential, "n"].unique()
    as_published = all(is_published(config.system) for config in evidence.configs)
    if len(sizes) != 1 or not as_published:
        return {}
    loop = potential, sizes[0]
    return {reparam: known for (*key, reparam), known in PUBLISHED_RUNS.items() if tuple(key) == loop}
