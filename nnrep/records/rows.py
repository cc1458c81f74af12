"""The rows of a run's table."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from nnrep.config.groups import GNNConfig
from nnrep.config.schedule import StagedSchedule
from nnrep.config.schema import RunConfig, config_hash
from nnrep.host.runtime import describe_device, describe_versions
from nnrep.minimization import Result
from nnrep.modes import SlowModes
from nnrep.modes.request import FoundModes
from nnrep.records.table import RUN_COLUMNS
from nnrep.reparam.graph import layer_widths
from nnrep.systems import System
from nnrep.systems.measures import (
    ANGSTROM_PER_NM,
    PIECE_REACH,
    pieces_of,
    radius_of_gyration,
    satisfied_fraction,
)
from nnrep.systems.protein import Start


def run_rows(
    system: System,
    found: FoundModes,
    result: Result,
    config: RunConfig,
    total_s: float,
) -> pd.DataFrame:
    """The table of a run, a row a seed.

    Modes, compilation and the rest of the total serve all seeds: each row has its equal share, so that
    the column sums are what the clock showed, in all processes that worked on the run.
    """
    count = len(result.seeds)
    hash_of_config = config_hash(config)
    modes_s = found.seconds / count + result.time_modes_s
    own = result.time_fit_s + result.time_compile_s + result.time_minimize_s + modes_s
    rest = max(0.0, total_s + result.time_earlier_s - own.sum()) / count
    columns = {
        "run_id": [f"{hash_of_config}-{seed}" for seed in result.seeds],
        **_settings(system, found, config, result.positions_coarse is not None),
        "seed": result.seeds,
        "status": [status.name for status in result.status],
        "energy": result.energy,
        "energy_start": result.energy_start,
        "energy_coarse": result.energy_coarse,
        "energy_bound": np.nan if system.energy_bound is None else system.energy_bound,
        **_terms(system, result),
        **_measures(system, result),
        "gradient_rms": result.gradient_rms,
        "steps_coarse": result.steps_coarse,
        "steps_fine": result.steps_fine,
        "evaluations": result.evaluations,
        "restarts": result.restarts,
        "time_modes_s": modes_s,
        "time_modes_fresh_s": found.fresh_s + result.time_modes_s,
        "time_modes_compile_s": found.compile_s,
        "modes_stored": None if found.modes is None else found.stored,
        "time_fit_s": result.time_fit_s,
        "time_compile_s": result.time_compile_s,
        "time_minimize_s": result.time_minimize_s,
        "time_total_s": own + rest,
        "precision": config.precision.value,
        "device": describe_device(),
        "versions": describe_versions(),
        "config_hash": hash_of_config,
    }
    unknown = [name for name in columns if name not in RUN_COLUMNS]
    if unknown:
        raise TypeError(f"{', '.join(unknown)}: the table of runs has no such columns, and would drop them")
    # What a system does not have is left empty.
    return pd.DataFrame(columns, index=range(count)).reindex(columns=RUN_COLUMNS)


def _settings(system: System, found: FoundModes, config: RunConfig, has_coarse_stage: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {"system": config.system.name, "n": system.n, "baseline": config.baseline.name}
    if system.molecule is None:
        settings["potential"] = config.system.potential.value
    else:
        settings |= {
            "potential": config.system.force_field.value,
            "structure": system.molecule.name,
            "structure_source": system.molecule.source,
            "structure_hash": system.molecule.hash,
            "start": config.system.start.value,
            "start_seed": config.system.unfold.seed if config.system.start is Start.unfolded else np.nan,
            "n_residues": system.residues,
        }
    if not config.minimizes:
        return settings | {"reparam": "none", "modes": 0, "optimizer": config.baseline.name}
    stages = config.stages
    first, last = stages[0], stages[-1]
    coarse = {
        "learning_rate_coarse": first.optimizer.hyperparameters["learning_rate"],
        "min_delta_coarse": first.stopping.min_delta,
    }
    staged = isinstance(config.schedule, StagedSchedule)
    maps = [stage.reparam for stage in config.schedule.stages] if staged else [config.reparam]
    optimizers = [stage.optimizer for stage in config.schedule.stages] if staged else [config.optimizer]
    return settings | {
        "reparam": "+".join(reparam.name for reparam in maps),
        **_modes(found.modes, config),
        "hidden": _widths(config),
        "optimizer": "+".join(dict.fromkeys(optimizer.name for optimizer in optimizers)),
        "learning_rate": last.optimizer.hyperparameters["learning_rate"],
        "min_delta": last.stopping.min_delta,
        **(coarse if has_coarse_stage else {}),
    }


def _widths(config: RunConfig) -> str | None:
    """Widths of the network's latent and layers: "32-16"."""
    networks = [stage.reparam for stage in config.stages if isinstance(stage.reparam, GNNConfig)]
    if not networks:
        return None
    return "-".join(map(str, layer_widths(networks[0].hidden, networks[0].layers)))


def _modes(modes: SlowModes | None, config: RunConfig) -> dict[str, Any]:
    if modes is None:
        return {"modes": 0}
    assert modes.residuals is not None
    return {
        "modes": modes.values.size,
        "modes_of": modes.of,
        "modes_solver": modes.solver,
        "modes_residual": float(np.max(modes.residuals)),
    }


def _terms(system: System, result: Result) -> dict[str, Any]:
    """Energies by term, of the final positions."""
    if system.energy_terms is None:
        return {}
    terms = [system.energy_terms(jnp.asarray(positions, float)) for positions in result.positions]
    return {f"energy_{name}": [float(term[name]) for term in terms] for name in terms[0]}


def _measures(system: System, result: Result) -> dict[str, Any]:
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
    if system.measure is not None:
        for suffix, positions in (("", result.positions), ("_start", result.positions_start)):
            seen = [system.measure(jnp.asarray(x, float)) for x in positions]
            columns |= {f"{name}{suffix}": [float(one[name]) for one in seen] for name in seen[0]}
    if system.masses is not None:
        radii = [radius_of_gyration(x, system.masses) for x in result.positions]
        columns["radius_of_gyration"] = ANGSTROM_PER_NM * np.asarray(radii)
    if "openmm_energy" in result.history:
        columns["energy_openmm"] = result.history.groupby("seed", sort=False)["openmm_energy"].last().tolist()
    return columns
