"""The maps of a run's stages, and the slow modes that they are made of."""

import time

from nnrep import reparam
from nnrep.config.groups import CGConfig, GNNConfig, Graph, NoneConfig, SpectralConfig
from nnrep.config.schedule import PlannedStage
from nnrep.config.schema import RunConfig
from nnrep.errors import require
from nnrep.host.compilation import compilation_clock
from nnrep.modes import Of, SlowModes
from nnrep.modes.request import NO_MODES, FoundModes, modes_of, noise_of
from nnrep.modes.slow import adjacency_of, sampling_of
from nnrep.modes.spectrum import laplacian
from nnrep.systems import System


def found_maps(system: System, config: RunConfig) -> FoundModes:
    """The maps of all stages, the modes of the first that has any, and what they all cost."""
    if not config.minimizes:
        return NO_MODES
    found = NO_MODES
    before: PlannedStage | None = None
    for stage in config.stages:
        if stage == before:  # one that is repeated has one map
            found = found._replace(maps=found.maps + found.maps[-1:])
            continue
        before = stage
        this = _map_of_stage(system, config.at(stage))
        found = FoundModes(
            modes=found.modes or this.modes,
            seconds=found.seconds + this.seconds,
            stored=this.stored
            if found.modes is None
            else found.stored and (this.modes is None or this.stored),
            fresh_s=found.fresh_s + this.fresh_s,
            compile_s=found.compile_s + this.compile_s,
            maps=found.maps + this.maps,
        )
    return found


def _map_of_stage(system: System, config: RunConfig) -> FoundModes:
    """The map of one stage; its configuration has that stage's map and modes."""
    asked = config.reparam
    if isinstance(asked, SpectralConfig):
        return _spectral(system, config)
    modes: FoundModes = NO_MODES
    if isinstance(asked, CGConfig) or (isinstance(asked, GNNConfig) and asked.graph is Graph.slow_modes):
        modes = modes_of(system, config)
        assert modes.modes is not None
        few = isinstance(asked, CGConfig) and modes.modes.values.size < 2
        require(not few, "modes.epsilon", "so large that at least 2 modes are left for reparam=cg", "1 mode")
    return modes._replace(maps=(_reparam(system, modes.modes, asked),))


def _reparam(system: System, modes: SlowModes | None, asked: object) -> reparam.Reparametrization:
    if isinstance(asked, CGConfig) and modes is not None:
        return reparam.linear(modes)
    if isinstance(asked, GNNConfig):
        return reparam.graph(
            modes or reparam.edge_graph(system.edges, system.n, asked.self_weight),
            asked.hidden,
            asked.layers,
            residual=asked.residual,
            activation=asked.activation,
            strength=asked.strength,
            features=system.node_features if asked.features else None,
        )
    if not isinstance(asked, NoneConfig):
        raise TypeError(f"the map {asked} is registered, but not built here: it would run as the identity")
    return reparam.identity()


def _spectral(system: System, config: RunConfig) -> FoundModes:
    asked, of = config.reparam, config.modes.of
    began = time.perf_counter()
    with compilation_clock() as compilation:
        if of is Of.hessian:
            made = reparam.spectral_at_start(system, asked.shift, asked.power)
        else:
            modes = config.modes
            sampling = sampling_of(
                system, modes.samples, noise_of(system, config), modes.seed, modes.backbone
            )
            matrix, _ = adjacency_of(system, of, sampling, modes.background)
            made = reparam.spectral(
                laplacian(matrix), asked.shift, asked.power, start_length=asked.start_length
            )
        elapsed, compile_s = time.perf_counter() - began, compilation.seconds()
    return FoundModes(None, elapsed, False, elapsed - compile_s, compile_s, (made,))
