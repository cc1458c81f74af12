"""The rows of a run's table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.config.plan import Plan
from nnrep.host.compilation import QUICKLY
from nnrep.host.runtime import describe_device, describe_versions
from nnrep.host.stored import stored
from nnrep.minimization import Result
from nnrep.modes import SlowModes
from nnrep.modes.request import NO_COST, Cost
from nnrep.records.table import FIXED_COLUMNS, TERM, in_columns
from nnrep.reparam.build import BuiltMap
from nnrep.systems import System
from nnrep.systems.measures import (
    ANGSTROM_PER_NM,
    PIECE_REACH,
    pieces_of,
    radius_of_gyration,
    satisfied_fraction,
)

if TYPE_CHECKING:
    import pandas as pd


def run_rows(
    system: System, maps: Sequence[BuiltMap], result: Result, plan: Plan, total_s: float
) -> "pd.DataFrame":
    """The table of a run, a row a seed.

    Modes, compilation and the rest of the total serve all seeds: each row has its equal share, so that
    the column sums are the wall time, in all processes that worked on the run.
    """
    count = len(result.seeds)
    cost, modes = total_cost(maps), _first_modes(maps)
    modes_s = cost.seconds / count + result.time_modes_s
    own = result.time_fit_s + result.time_compile_s + result.time_minimize_s + modes_s
    rest = max(0.0, total_s + result.time_earlier_s - own.sum()) / count
    final = [described(system, positions) for positions in result.positions]
    columns = {
        "run_id": [f"{plan.hash}-{seed}" for seed in result.seeds],
        **_settings(system, modes, plan, result.positions_coarse is not None),
        "seed": result.seeds,
        "status": [status.name for status in result.status],
        "energy": result.energy,
        "energy_start": result.energy_start,
        "energy_coarse": result.energy_coarse,
        "energy_bound": np.nan if system.energy_bound is None else system.energy_bound,
        **_terms([terms for terms, _ in final]),
        **_measures(system, result, [measures for _, measures in final]),
        "gradient_rms": result.gradient_rms,
        "steps_coarse": result.steps_coarse,
        "steps_fine": result.steps_fine,
        "evaluations": result.evaluations,
        "restarts": result.restarts,
        "time_modes_s": modes_s,
        "time_modes_fresh_s": cost.fresh_s + result.time_modes_s,
        "time_modes_compile_s": cost.compile_s,
        "modes_stored": None if modes is None else cost.stored,
        "time_fit_s": result.time_fit_s,
        "time_compile_s": result.time_compile_s,
        "time_minimize_s": result.time_minimize_s,
        "time_total_s": own + rest,
        "precision": plan.config.precision.value,
        "device": describe_device(),
        "versions": describe_versions(),
        "config_hash": plan.hash,
    }
    import pandas as pd  # a run begins without it

    return in_columns(pd.DataFrame(columns, index=range(count)))


def total_cost(maps: Sequence[BuiltMap]) -> Cost:
    """What the maps of all stages cost, a repeated one once."""
    single = {id(made): made for made in maps}.values()
    costs = [made.cost for made in single]
    if not costs:
        return NO_COST
    stored = [made.cost.stored for made in single if made.modes is not None]
    return Cost(
        seconds=sum(cost.seconds for cost in costs),
        stored=bool(stored) and all(stored),
        fresh_s=sum(cost.fresh_s for cost in costs),
        compile_s=sum(cost.compile_s for cost in costs),
    )


def _first_modes(maps: Sequence[BuiltMap]) -> SlowModes | None:
    return next((made.modes for made in maps if made.modes is not None), None)


def _settings(system: System, modes: SlowModes | None, plan: Plan, has_coarse_stage: bool) -> dict[str, Any]:
    config = plan.config
    settings: dict[str, Any] = {
        "system": config.system.name,
        "n": system.n,
        "baseline": config.baseline.name,
        **config.system.columns(system.molecule),
    }
    if not plan.minimizes:
        return settings | {"reparam": "none", "modes": 0, "optimizer": config.baseline.name}
    first, last = plan.stages[0], plan.stages[-1]
    coarse = {
        "learning_rate_coarse": first.learning_rate,
        "min_delta_coarse": first.stopping.min_delta,
    }
    maps = config.schedule.maps(config.reparam)
    optimizers = config.schedule.optimizers(config.optimizer)
    return settings | {
        "reparam": "+".join(reparam.name for reparam in maps),
        **(_modes(modes) or _modes_here(plan)),
        "hidden": _widths(plan),
        "optimizer": "+".join(dict.fromkeys(optimizer.name for optimizer in optimizers)),
        "schedule": config.schedule.shown_name,
        "learning_rate": last.learning_rate,
        "min_delta": last.stopping.min_delta,
        **(coarse if has_coarse_stage else {}),
    }


def _widths(plan: Plan) -> str | None:
    """Widths of the first network's latent and layers: "32-16"."""
    widths = [stage.reparam.widths for stage in plan.stages if stage.reparam.widths is not None]
    return "-".join(map(str, widths[0])) if widths else None


def _modes_here(plan: Plan) -> dict[str, Any]:
    """Of the first map that takes its modes where its stage begins; no modes without one."""
    for stage, count in zip(plan.stages, plan.mode_counts, strict=True):
        if stage.reparam.needs_modes:
            return {"modes": count, "modes_of": stage.modes.of.value}
    return {"modes": 0}


def _modes(modes: SlowModes | None) -> dict[str, Any]:
    if modes is None:
        return {}
    assert modes.residuals is not None
    return {
        "modes": modes.values.size,
        "modes_of": modes.of,
        "modes_solver": modes.solver,
        "modes_residual": float(np.max(np.asarray(modes.residuals))),
    }


def _terms(terms: list[dict[str, float]]) -> dict[str, Any]:
    """Energies by term, of the final positions.

    Raises:
        ValueError: a term whose column would be that of another energy.
    """
    taken = [name for name in terms[0] if f"{TERM}{name}" in FIXED_COLUMNS]
    if taken:
        raise ValueError(f"energy terms cannot be called {', '.join(taken)}: tables have such a column")
    return {f"{TERM}{name}": [term[name] for term in terms] for name in terms[0]}


def _measures(system: System, result: Result, final: list[dict[str, float]]) -> dict[str, Any]:
    """What is measured of the final positions, and of the start."""
    columns: dict[str, Any] = {
        "bond_fraction": [satisfied_fraction(system.bonds, x) for x in result.positions],
        "contact_fraction": [satisfied_fraction(system.contacts, x) for x in result.positions],
    }
    if system.contacts is not None and len(system.contacts.pairs):
        reach = PIECE_REACH * system.contacts.length
        sizes = [pieces_of(x, reach) for x in result.positions]
        columns |= {
            "pieces": list(map(len, sizes)),
            "largest_piece": [piece[0] / system.n for piece in sizes],
        }
    start = [described(system, x)[1] for x in result.positions_start]
    for suffix, seen in (("", final), ("_start", start)):
        columns |= {f"{name}{suffix}": [one[name] for one in seen] for name in seen[0]}
    if system.masses is not None:
        radii = [radius_of_gyration(x, system.masses) for x in result.positions]
        columns["radius_of_gyration"] = ANGSTROM_PER_NM * np.asarray(radii)
    if "openmm_energy" in result.history:
        columns["energy_openmm"] = result.history.groupby("seed", sort=False)["openmm_energy"].last().tolist()
    return columns


def described(system: System, positions: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Energies by term, and measures, of positions (n, d) in the file's frame."""
    if system.energy_terms is None and system.measure is None:
        return {}, {}
    own = system.from_file_frame(positions)
    if system.exact is None:
        terms, measures = _terms_and_measures(system.energy_terms, system.measure, system.with_dummies(own))
    else:
        with jax.enable_x64(True):  # so that terms add up to the energy, see `minimization.exact`
            of_terms = system.exact.terms_of_positions()
            terms, measures = _terms_and_measures(of_terms, system.measure, system.with_dummies(own))
    return {name: float(x) for name, x in terms.items()}, {name: float(x) for name, x in measures.items()}


@stored(compiler_options=QUICKLY)
def _terms_and_measures(
    terms: Partial | None, measure: Partial | None, positions: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    # One program for both: each is small beside what a program costs.
    return terms(positions) if terms else {}, measure(positions) if measure else {}
