"""The slow modes that a configuration asks for: computed, or taken from the cache."""

import hashlib
import time
from importlib.metadata import version
from typing import NamedTuple

import jax
import numpy as np

from nnrep.config.schema import RunConfig, as_plain
from nnrep.host.compilation import compilation_clock
from nnrep.host.runtime import describe_device, describe_versions
from nnrep.host.terminal import log
from nnrep.host.threads import usable_cores
from nnrep.modes import Of, SlowModes, Solver, slow_modes
from nnrep.modes.stored import StoredModes, load_modes, modes_key, save_modes
from nnrep.reparam import Reparametrization
from nnrep.systems import System
from nnrep.systems.measures import ANGSTROM_PER_NM


class FoundModes(NamedTuple):
    """Slow modes, and what they cost.

    Attributes:
        modes: the modes.
        seconds: until they were there.
        stored: whether they were stored before.
        fresh_s: seconds that they took, or had taken, to compute, without compilation.
        compile_s: seconds of that compilation.
        maps: of the stages, made of them.
    """

    modes: SlowModes | None
    seconds: float
    stored: bool
    fresh_s: float
    compile_s: float
    maps: tuple[Reparametrization, ...] = ()


NO_MODES = FoundModes(None, 0.0, False, 0.0, 0.0)


def modes_of(system: System, config: RunConfig) -> FoundModes:
    """The modes that `modes` and `reparam.modes` describe.

    Raises:
        UserError: they cannot be computed; says which key to change.
    """
    began = time.perf_counter()
    key = modes_key(_deciding(system, config))
    stored = load_modes(key)
    if stored is not None:
        auto = " (modes.solver=auto)" if config.modes.solver is Solver.auto else ""
        log().info(
            "%d slow modes from the cache, by %s%s", stored.modes.values.size, stored.modes.solver, auto
        )
        return FoundModes(stored.modes, time.perf_counter() - began, True, stored.seconds, stored.compile_s)
    with compilation_clock() as compilation:
        computing = time.perf_counter()
        modes = jax.block_until_ready(_computed(system, config))
        compile_s = compilation.seconds()
        fresh_s = time.perf_counter() - computing - compile_s
    save_modes(key, StoredModes(modes, fresh_s, compile_s))
    return FoundModes(modes, time.perf_counter() - began, False, fresh_s, compile_s)


def noise_of(system: System, config: RunConfig) -> float | None:
    """`modes.noise` in the system's unit of length; of proteins it is in Angstrom."""
    unit = ANGSTROM_PER_NM if system.length_unit == "nm" else 1.0
    return None if config.modes.noise is None else config.modes.noise / unit


def _computed(system: System, config: RunConfig) -> SlowModes:
    asked = config.modes
    return slow_modes(
        system,
        config.mode_count(system.n, system.positions.shape[1], system.residues),
        epsilon=asked.epsilon,
        of=asked.of,
        backbone=asked.backbone,
        seed=asked.seed,
        samples=asked.samples,
        noise=noise_of(system, config),
        background=asked.background,
        solver=asked.solver,
        max_products=asked.max_products,
    )


def _generator() -> list[object]:
    """What decides random numbers beside their key; users set it by environment variables of JAX."""
    names = ("jax_default_prng_impl", "jax_threefry_partitionable")
    return [getattr(jax.config, name) for name in names]


def _deciding(system: System, config: RunConfig) -> dict[str, object]:
    plain = as_plain(config)
    at = np.asarray(system.positions).tobytes() if config.modes.of is Of.hessian else b""
    return {
        "system": plain["system"],
        "structure": None if system.molecule is None else system.molecule.hash,
        "modes": plain["modes"],
        "positions": hashlib.sha256(at).hexdigest(),
        "count": config.mode_count(system.n, system.positions.shape[1], system.residues),
        "precision": plain["precision"],
        "device": describe_device(),
        "threads": config.threads or usable_cores(),
        "versions": [describe_versions(), version("numpy"), version("scipy")],
        "random": _generator(),
    }
