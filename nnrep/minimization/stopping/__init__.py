"""When a stage ends: rules, each of which owns its test; see `Stopping`."""

from nnrep.minimization.stopping.rule import Check, Rule, Step
from nnrep.minimization.stopping.status import Status
from nnrep.minimization.stopping.stopping import Stopping

__all__ = ["Check", "Rule", "Status", "Step", "Stopping"]
