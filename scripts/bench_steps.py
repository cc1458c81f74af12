"""Time of a step inside the compiled loop, beside the bare evaluation of energy and gradient.

bare      one jitted value-and-gradient, repeated inside a compiled loop
call      the same, called from Python
step      a step of the minimisation loop: key, map, evaluation, clamp, Adam, and its part of the checks
map       the map and its transpose (decode and its pullback), alone in a compiled loop
psi       of these the products with Psi and its transpose, alone in a compiled loop
plain     the same as `vectors @ (vectors.T @ h)`, from Psi alone
step/bare for no map, what the loop adds; rest is (step - bare - map) / step, what nothing explains

Every figure is the median of several rounds, each of which measures all figures of a row once.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import nnrep
from nnrep.minimization.run import Run
from nnrep.minimization.stage import Stage
from nnrep.reparam.expansion import Expansion, expand, expansion, project
from nnrep.reparam.network import layer_widths
from nnrep.systems import System

HIDDEN = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--pairs", default="shifts", choices=["shifts", "independent"])
    parser.add_argument("--modes", type=int, default=250, help="at most so many, and at most n / 4")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", False)
    print(f"float32, {jax.devices()[0].device_kind}, pairs={options.pairs}; microseconds, medians")
    header = (
        "potential",
        "n",
        "map",
        "modes",
        "call",
        "bare",
        "step",
        "step/bare",
        "map",
        "psi",
        "plain",
        "rest",
    )
    print(" ".join(f"{name:>9}" for name in header))
    for potential in ("pure_lj", "bond_lj"):
        for n in options.n:
            system = nnrep.load_system("loop", n=n, potential=potential, pairs=options.pairs)
            for row in rows(system, min(options.modes, n // 4), options.rounds):
                print(" ".join(f"{value:>9}" for value in (potential, n, *row)), flush=True)


def rows(system: System, k: int, rounds: int):
    modes = cosine_modes(system.n, k)
    steps = max(40, 4_000_000 // (system.n * 100) // 20 * 20)
    products = {"none": None, "cg": 3, "gnn": layer_widths(HIDDEN)[-1]}
    maps = {
        "none": nnrep.reparam.identity(),
        "cg": nnrep.reparam.linear(modes),
        "gnn": nnrep.reparam.graph(modes, HIDDEN),
    }
    for name, reparam in maps.items():
        actions = {
            "call": call_time(system),
            "bare": bare_time(system, steps),
            "step": step_time(system, reparam, steps),
            "map": map_time(system, reparam, steps) if name != "none" else lambda: 0.0,
            "psi": products_time(expansion(modes.vectors), along, products[name], steps),
            "plain": products_time(modes.vectors, plainly_along, products[name], steps),
        }
        seen: dict[str, list[float]] = {key: [] for key in actions}
        for _ in range(rounds):
            for key, action in actions.items():
                seen[key].append(1e6 * action())
        t = {key: statistics.median(values) for key, values in seen.items()}
        rest = (t["step"] - t["bare"] - t["map"]) / t["step"]
        figures = (
            t["call"],
            t["bare"],
            t["step"],
            t["step"] / t["bare"],
            t["map"],
            t["psi"],
            t["plain"],
            rest,
        )
        forms = ("{:.1f}", "{:.1f}", "{:.1f}", "{:.2f}", "{:.1f}", "{:.1f}", "{:.1f}", "{:.2f}")
        yield (name, 0 if name == "none" else k, *(f.format(v) for f, v in zip(forms, figures, strict=True)))


def cosine_modes(n: int, k: int) -> nnrep.SlowModes:
    """The modes of a path: a stand-in of the right shape, for which no eigensolver has to run."""
    i, j = np.arange(n)[:, None] + 0.5, np.arange(k)[None]
    vectors = np.cos(np.pi * i * j / n)
    vectors /= np.linalg.norm(vectors, axis=0)
    return nnrep.SlowModes(jnp.arange(k, dtype=float), jnp.asarray(vectors, float), jnp.ones(k))


def timed(run: Callable[[], object], count: int) -> Callable[[], float]:
    """Seconds per unit of a function that does `count` of them, compiled beforehand."""
    jax.block_until_ready(run())

    def once() -> float:
        began = time.perf_counter()
        jax.block_until_ready(run())
        return (time.perf_counter() - began) / count

    return once


def call_time(system: System) -> Callable[[], float]:
    evaluate = jax.jit(jax.value_and_grad(system.energy_sample))
    key, calls = jax.random.key(0), 20

    def run() -> list:
        return [jax.block_until_ready(evaluate(system.positions, key)) for _ in range(calls)]

    return timed(run, calls)


def bare_time(system: System, steps: int) -> Callable[[], float]:
    @jax.jit
    def run(positions, key):
        def evaluate(i, carry):
            x, total = carry
            value, gradient = jax.value_and_grad(system.energy_sample)(x, jax.random.fold_in(key, i))
            # Depends on the gradient, so that nothing is left out, and hardly moves.
            return x - 1e-9 * gradient, total + value

        return jax.lax.fori_loop(0, steps, evaluate, (positions, 0.0))

    return timed(lambda: run(system.positions, jax.random.key(0)), steps)


def step_time(system: System, reparam, steps: int) -> Callable[[], float]:
    stopping = nnrep.Stopping(min_delta=0.0, patience=10**9)
    optimizer = nnrep.chain(nnrep.clamp(0.1), nnrep.adam(1e-4))
    stage = Stage("coarse", reparam, optimizer, stopping, 10**9)
    run = Run(system, (stage,), (0,), 10**9, batch_size=1)
    return timed(lambda: run.stage.run(0, steps // 20), steps)


def map_time(system: System, reparam, steps: int) -> Callable[[], float]:
    params = reparam.init(jax.random.key(0), system.positions)

    @jax.jit
    def run(decode, params):
        def evaluate(_, params):
            positions, pullback = jax.vjp(decode, params)
            (gradient,) = pullback(positions)
            return jax.tree.map(lambda p, g: p - 1e-9 * g, params, gradient)

        return jax.lax.fori_loop(0, steps, evaluate, params)

    return timed(lambda: run(reparam.decode, params), steps)


def along(psi: Expansion, h: jax.Array) -> jax.Array:
    return expand(psi, project(psi, h))


def plainly_along(vectors: jax.Array, h: jax.Array) -> jax.Array:
    return vectors @ (vectors.T @ h)


def products_time(psi, product: Callable, width: int | None, steps: int) -> Callable[[], float]:
    """Psi (Psi^T h) and its transpose for a network; Psi Z and its transpose for the linear map."""
    if width is None:
        return lambda: 0.0
    pairs_of_products = 1 if width == 3 else 2
    h = jnp.ones((len(jax.tree.leaves(psi)[0]), width))

    @jax.jit
    def run(psi, h):
        def multiply(_, h):
            for _ in range(pairs_of_products):
                h = product(psi, h)
            return h

        return jax.lax.fori_loop(0, steps, multiply, h)

    return timed(lambda: run(psi, h), steps)


if __name__ == "__main__":
    main()
