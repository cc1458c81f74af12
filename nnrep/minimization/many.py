"""`minimize_many`: one system after the other, with the same arguments."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypedDict, Unpack, overload

import optax

from nnrep.errors import AsCode, require, similar
from nnrep.minimization.attempts import Restarts
from nnrep.minimization.minimizer import minimize
from nnrep.minimization.monitor import Monitor
from nnrep.minimization.optimizers.optimizer import Optimizer
from nnrep.minimization.result import Result
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Status
from nnrep.reparam.base import Reparametrization
from nnrep.systems.system import System

Method = Reparametrization | Stage | Sequence[Stage] | None
MethodOf = Callable[[System], Method]
OnResult = Callable[[int, int], None]


class Options(TypedDict, total=False):
    """What `minimize` takes beside a system and its map or stages; it says what each is, and its default."""

    optimizer: Optimizer | optax.GradientTransformation | None
    seeds: int | Sequence[int]
    max_steps: int
    restarts: Restarts | None
    batch_size: int | None
    monitor: Monitor | None


@overload
def minimize_many(
    systems: Iterable[System],
    map_or_stages: Method | MethodOf = None,
    *,
    on_error: Literal["raise"] = ...,
    on_result: OnResult | None = ...,
    **options: Unpack[Options],
) -> list[Result]: ...


@overload
def minimize_many(
    systems: Iterable[System],
    map_or_stages: Method | MethodOf = None,
    *,
    on_error: Literal["return"],
    on_result: OnResult | None = ...,
    **options: Unpack[Options],
) -> list[Result | Exception]: ...


def minimize_many(
    systems: Iterable[System],
    map_or_stages: Method | MethodOf = None,
    *,
    on_error: Literal["raise", "return"] = "raise",
    on_result: OnResult | None = None,
    **options: Unpack[Options],
) -> list[Result] | list[Result | Exception]:
    """Minimise systems one after the other; each result is what `minimize` gives of its system alone.

    Systems of one shape (particles, dimensions, terms, structure of `System.parameters`) with the same
    functions share their programs: only the first is compiled.

    Args:
        systems: positions (n, d) in their own units; n and d may differ.
        map_or_stages: as that of `minimize`, for all systems; or a function of a system that makes it, for
            maps that are made of a system's own modes: ``lambda system: linear(slow_modes(system, k=15))``.
        on_error: "raise" the first error, with a note that names the system; or "return" errors in the
            places of their results, and go on. Replicas that diverge are no errors, see `Result.status`.
        on_result: called with how many systems are done, and how many there are.
        options: further arguments of `minimize`, for all systems; a monitor without a checkpoint.

    Returns:
        The results, in the order of the systems. Where the monitor's `should_stop` has ended one, it is the
        last.

    Raises:
        ConfigError: an argument out of range, or something that is no system; before anything is computed.
        Exception: with on_error="raise", whatever `minimize` or the function raises.
    """
    systems = _checked(systems)
    require(on_error in ("raise", "return"), "on_error", "raise or return", AsCode(on_error))
    known = list(Options.__annotations__)
    for name in options:
        given = f"an unknown argument{similar(name, known)}"
        require(name in known, name, f"one of {', '.join(known)}", given)
    monitor = options.get("monitor")
    single = monitor is None or monitor.checkpoint is None
    require(single, "monitor.checkpoint", "None, as it is of one system", monitor and monitor.checkpoint)
    results: list[Result | Exception] = []
    for place, system in enumerate(systems):
        try:
            method = _method_of(map_or_stages, system)
            results.append(minimize(system, method, **options))
        except Exception as error:
            error.add_note(f"in systems[{place}], {system.name}")
            if on_error == "raise":
                raise
            results.append(error)
        if on_result is not None:
            on_result(len(results), len(systems))
        last = results[-1]
        if isinstance(last, Result) and Status.interrupted in last.status:
            break
    return results


def _method_of(given: Method | MethodOf, system: System) -> Method:
    return given(system) if callable(given) else given


def _checked(systems: Iterable[System]) -> list[System]:
    require(isinstance(systems, Iterable), "systems", "a list of systems", AsCode(systems))
    systems = list(systems)
    for place, system in enumerate(systems):
        require(isinstance(system, System), f"systems[{place}]", "a nnrep.System", AsCode(system))
    return systems
