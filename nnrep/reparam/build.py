"""A map from its settings: the modes that it is made of, and what they cost."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from nnrep.host.compilation import compilation_clock
from nnrep.modes.here import modes_here
from nnrep.modes.request import NO_COST, Cost, ModesRequest, modes_of
from nnrep.modes.settings import At, ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.settings import MapConfig
from nnrep.systems.system import System


class BuiltMap(NamedTuple):
    """A map, the slow modes that it is made of, if any, and what they cost."""

    reparam: Reparametrization
    modes: SlowModes | None = None
    cost: Cost = NO_COST

    def from_memory(self) -> "BuiltMap":
        """The same map, used once more: it costs nothing but what it would cost afresh."""
        return self._replace(cost=self.cost._replace(seconds=0.0, stored=self.modes is not None))


def built_map(
    system: System, reparam: MapConfig, modes: ModesConfig, count: int | None, deciding: Mapping[str, Any]
) -> BuiltMap:
    """The map of some settings.

    Args:
        system: whose positions it gives.
        reparam: settings of the map.
        modes: which modes.
        count: how many; None for modes.epsilon.
        deciding: see `ModesRequest`.

    Raises:
        UserError: its modes cannot be computed, or it cannot be made of them.
    """
    if reparam.needs_modes and modes.at is At.stage:
        assert count is not None
        return BuiltMap(reparam.build(system, modes, modes_here(system, count, modes.of, modes.backbone)))
    if reparam.needs_modes:
        slow, cost = modes_of(system, ModesRequest(modes, count, deciding))
        return BuiltMap(reparam.build(system, modes, slow), slow, cost)
    began = time.perf_counter()
    with compilation_clock() as compilation:
        made = reparam.build(system, modes, None)
        elapsed, compile_s = time.perf_counter() - began, compilation.seconds()
    cost = Cost(elapsed, False, elapsed - compile_s, compile_s) if reparam.decomposes else NO_COST
    return BuiltMap(made, None, cost)
