"""The slow modes that a configuration asks for: computed, or taken from the cache."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np

from nnrep.errors import named_under
from nnrep.host.compilation import compilation_clock
from nnrep.host.runtime import describe_device, describe_versions
from nnrep.host.terminal import log
from nnrep.host.threads import usable_cores
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf, Solver, slow_modes
from nnrep.modes.spectrum import SlowModes
from nnrep.modes.stored import StoredModes, found_or_computed, modes_key
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.system import System


class Cost(NamedTuple):
    """What modes, or a map made of a Hessian, cost.

    Attributes:
        seconds: until they were there.
        stored: whether they were stored before.
        fresh_s: seconds that they take, or had taken, to compute, without compilation.
        compile_s: seconds of that compilation.
    """

    seconds: float = 0.0
    stored: bool = False
    fresh_s: float = 0.0
    compile_s: float = 0.0


NO_COST = Cost()


@dataclass(frozen=True)
class ModesRequest:
    """Which modes, how many, and what else decides their numbers.

    Attributes:
        modes: the group `modes`.
        count: how many; None for modes.epsilon.
        deciding: plain values of the configuration that decide them: system, precision, threads.
    """

    modes: ModesConfig
    count: int | None
    deciding: Mapping[str, Any]


def modes_of(system: System, request: ModesRequest) -> tuple[SlowModes, Cost]:
    """The modes of a request, from the cache if they were computed before.

    Raises:
        UserError: they cannot be computed; says which key to change.
    """
    began = time.perf_counter()
    key = modes_key(_deciding(system, request))
    found, stored = found_or_computed(key, partial(_timed, system, request))
    if stored:
        auto = " (modes.solver=auto)" if request.modes.solver is Solver.auto else ""
        log().info("%d slow modes from the cache, by %s%s", found.modes.values.size, found.modes.solver, auto)
    return found.modes, Cost(time.perf_counter() - began, stored, found.seconds, found.compile_s)


def _timed(system: System, request: ModesRequest) -> StoredModes:
    """The modes of a request, computed, and how long it took."""
    with compilation_clock() as compilation:
        began = time.perf_counter()
        modes = jax.block_until_ready(_computed(system, request))
        compile_s = compilation.seconds()
        return StoredModes(modes, time.perf_counter() - began - compile_s, compile_s)


def noise_of(system: System, modes: ModesConfig) -> float | None:
    """`modes.noise` in the system's unit of length; of proteins it is in Angstrom."""
    unit = ANGSTROM_PER_NM if system.length_unit == "nm" else 1.0
    return None if modes.noise is None else modes.noise / unit


@named_under("modes")
def _computed(system: System, request: ModesRequest) -> SlowModes:
    modes = request.modes
    return slow_modes(
        system,
        request.count,
        epsilon=modes.epsilon,
        of=modes.of,
        backbone=modes.backbone,
        seed=modes.seed,
        samples=modes.samples,
        noise=noise_of(system, modes),
        background=modes.background,
        solver=modes.solver,
        max_products=modes.max_products,
    )


def _generator() -> list[object]:
    """What decides random numbers beside their key; users set it by environment variables of JAX."""
    names = ("jax_default_prng_impl", "jax_threefry_partitionable")
    return [getattr(jax.config, name) for name in names]


def _is_of_start(system: System, modes: ModesConfig) -> bool:
    """Whether modes are taken at or around the system's start, rather than of a graph or of its own draws."""
    draws = system.draw_configuration is not None and modes.noise is None
    return modes.of is ModesOf.hessian or (modes.of is ModesOf.backbone and not draws)


def _deciding(system: System, request: ModesRequest) -> dict[str, object]:
    at = np.asarray(system.positions)[: system.n].tobytes() if _is_of_start(system, request.modes) else b""
    return {
        **request.deciding,
        "structure": None if system.molecule is None else system.molecule.hash,
        "modes": repr(request.modes),
        "positions": hashlib.sha256(at).hexdigest(),
        "count": request.count,
        "device": describe_device(),
        "threads": request.deciding.get("threads") or usable_cores(),
        "versions": [describe_versions(), version("numpy"), version("scipy")],
        "random": _generator(),
        **({} if system.frozen is None else {"free": system.free.tolist()}),
    }
