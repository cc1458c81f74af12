"""`baseline=none`: nnrep minimises."""

from nnrep.baselines.settings import BaselineConfig
from nnrep.choices.settings import settings


@settings("baseline/none")
class NoBaselineConfig(BaselineConfig):
    """`baseline=none`: nnrep minimises."""

    is_engine = False


CHOICE = NoBaselineConfig
