"""The search for the lowest minima: dynamics, quenches of its frames, a list of distinct minima."""

from nnrep.exploration.driver import explore
from nnrep.exploration.result import Exploration
from nnrep.exploration.settings import ExploreConfig

__all__ = ["Exploration", "ExploreConfig", "explore"]
