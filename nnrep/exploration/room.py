"""What a search takes, before it begins."""

from nnrep.exploration.settings import ExploreConfig
from nnrep.host.memory import most_that_fit, require_memory
from nnrep.systems.system import System

COPIES = 3  # of what is kept: as it came, in one piece, as it is written
NUMBERS_A_ROW = 16


def require_room(system: System, config: ExploreConfig, ladders: int, replicas: int) -> None:
    """Refuse a search whose minima and frames would not fit into memory.

    Args:
        system: whose minima are searched for.
        config: how long, and how many are kept.
        ladders: how many.
        replicas: of a ladder.

    Raises:
        UserError: naming what would not fit.
    """
    numbers = system.positions.size
    listed = 8 * COPIES * ladders * numbers * (config.most_minima + replicas)
    fewer = max(1, most_that_fit(8 * COPIES * ladders * numbers) - replicas)
    what = f"{config.most_minima} minima of {system.n} particles in each of {ladders} ladders"
    require_memory(listed, "explore.most_minima", what, f"at most {fewer}")
    if config.steps is None:  # as many as time allows has room for
        return
    rounds = config.steps // config.quench_every
    each = COPIES * ladders * (4 * numbers + 8 * NUMBERS_A_ROW * replicas)
    often = -(-config.steps // max(1, most_that_fit(each)))
    what = f"{rounds} frames of {system.n} particles from each of {ladders} ladders"
    require_memory(each * rounds, "explore.quench_every", what, f"at least {often}, or less explore.steps")
