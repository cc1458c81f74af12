"""`explore`: the lowest minima of a system, from Python."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnrep.choices.settings import build
from nnrep.errors import require, require_kind
from nnrep.exploration.container import contained, radius_of
from nnrep.exploration.fingerprint import Fingerprint
from nnrep.exploration.finish import Finish
from nnrep.exploration.outcome import explored
from nnrep.exploration.quench import quench_stages
from nnrep.exploration.replicas import ReplicaExchange
from nnrep.exploration.result import Exploration
from nnrep.exploration.room import require_room
from nnrep.exploration.round import Explorer, Sampler
from nnrep.exploration.search import Search, searched
from nnrep.exploration.settings import OF_HYDROGENS, ExploreConfig, may_have_hydrogens
from nnrep.exploration.shape import Shape, same_minimum
from nnrep.minimization import Monitor, Stage, Stopping, lbfgs, two_stages
from nnrep.minimization.minimizer import check_max_steps, checked_stages, seed_list, stage_list
from nnrep.reparam.base import Reparametrization
from nnrep.systems.system import System

TIGHTER = 0.1  # RMS force at the end over that of a quench


def explore(
    system: System,
    *,
    seeds: int | Sequence[int] = 1,
    reparam: Reparametrization | None = None,
    stages: Stage | Sequence[Stage] | None = None,
    max_steps: int = 60_000,
    monitor: Monitor | None = None,
    **options: Any,
) -> Exploration:
    """Search for the lowest minima of a system: dynamics at several temperatures, quenches of its frames.

    Example: ``nnrep.explore(nnrep.load_system("protein", pdb="5AWL", start="extended", solvent="gbn2"),
    time_limit_s=600)``. `nnrep explore` does the same with several processes.

    Args:
        system: whose energy is the same at every step: not sampled.
        seeds: one ladder of replicas a seed; an integer k means 0..k-1. Ladders go on by turns.
        reparam: a map that frames are quenched through first.
        stages: one or several, of the minimisation of the lowest minima at the end; None goes on with L-BFGS
            to a tenth of the RMS force at which quenches end.
        max_steps: most steps of that.
        monitor: how the search is followed, stopped and resumed; `record_every` is explore's own.
        options: fields of `ExploreConfig`, as `explore.*` of the command line: temperatures_k, steps, ...

    Raises:
        ConfigError: an argument out of range.
        UserError: it would not fit into memory; the checkpoint cannot be read, or is of another search.
    """
    require_kind(system, System, "system", "a nnrep.System")
    monitor = Monitor() if monitor is None else monitor
    require_kind(monitor, Monitor, "monitor", "a nnrep.Monitor")
    monitor.check()
    allowed = "None, as a frame is kept of every round"
    require(monitor.record_every is None, "monitor.record_every", allowed, monitor.record_every)
    require_kind(reparam, Reparametrization | None, "reparam", "a nnrep.reparam.Reparametrization, or None")
    check_max_steps(max_steps)
    config = build(ExploreConfig, {key: list(x) if isinstance(x, tuple) else x for key, x in options.items()})
    for key in OF_HYDROGENS:
        allowed = f"left out, as {system.name} has no hydrogens (masses, and a unit of energy)"
        require(key not in options or may_have_hydrogens(system), key, allowed, options.get(key))
    allowed = "null, as ladders go on by turns; nnrep explore has processes"
    require(config.workers is None, "workers", allowed, config.workers)
    chosen = seed_list(seeds)
    unit, mean_over = system.energy_unit, system.mean_over
    rest = Stopping(min_delta=0, rms_force=TIGHTER * config.quench.rest(unit, mean_over))
    if stages is None:
        stages = two_stages(optimizer=lbfgs(), stopping=rest)
    end = stage_list(stages, "stages", "a Stage or a list of at least one Stage, or None")
    descent = quench_stages(config.quench, unit, lbfgs(), reparam, mean_over)
    for schedule in (descent, end):  # `minimize` would refuse them after dynamics, or the whole search
        checked_stages(system, schedule)
    explorer = Explorer(system, sampler_of(system, config), descent, config)
    fingerprint = None
    if monitor.checkpoint is not None:
        fingerprint = Fingerprint.of(system, config, chosen, explorer.sampler.temperatures, descent)
    search = search_of(system, config, chosen, explorer.sampler, monitor.checkpoint, fingerprint)
    should_stop = monitor.should_stop or (lambda: False)
    ended = searched(search, explorer, should_stop, monitor.on_progress or (lambda seen: None))
    return explored(search, system, Finish(end, max_steps), ended, should_stop)


def sampler_of(system: System, config: ExploreConfig) -> ReplicaExchange:
    """What moves the replicas of a system.

    Raises:
        ConfigError: the system's energy is sampled, or settings that it cannot have.
    """
    exact = "of an energy that is not sampled, as a loop's is with repulsion=exact"
    require(system.energy_sample is None, "system", exact, system.name)
    settings, radius = config.dynamics(system), radius_of(system, config)
    if radius is None:
        return ReplicaExchange(system, settings)
    held = contained(system, radius, max(settings.temperatures_k))
    return ReplicaExchange(held, replace(settings, hold_centre=True))


def search_of(
    system: System,
    config: ExploreConfig,
    seeds: Sequence[int],
    sampler: Sampler,
    checkpoint: Path | None,
    fingerprint: Fingerprint | None = None,
) -> Search:
    """A search at its start, or where its checkpoint is; raises as `explore` does.

    A folder of the command line has the configuration of its search, and needs no fingerprint.
    """
    temperatures = sampler.temperatures
    require_room(system, config, len(seeds), len(temperatures))
    same = same_minimum(system, config.same)
    fall = config.least_fall(system.energy_unit, system.mean_over)
    return Search(seeds, temperatures, Shape.of(system), same, fall, config, checkpoint, fingerprint)
