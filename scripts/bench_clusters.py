"""Basin hopping of Lennard-Jones clusters beside SciPy's on the same energy: success, evaluations, time.

Both make the same moves at the same temperature, descend by L-BFGS from random starts, and stop at the known
minimum or after a number of evaluations of energy and gradient.

found        share of the seeds that found the known minimum (Wales and Doye, 1997)
evaluations  all that were made, over the number of seeds that found it
s            the same of time: of the whole search, without compilation
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial
from scipy.optimize import basinhopping

import nnrep
from nnrep.energies.cluster import cluster_energy_and_gradient
from nnrep.minimization.basin_hopping import Moves, hopping
from nnrep.minimization.stopping.rule import Check
from nnrep.reparam.base import Reparametrization

KNOWN = {13: -44.326801, 19: -72.659782, 26: -108.315616, 31: -133.586422, 38: -173.928427, 55: -279.248470}
NEAR = 1e-3  # of the minimum, where a search ends; ten times as far counts as found
MOVES = Moves(size=0.36, temperature=0.8, rest=1e-2, longest=1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[13, 19, 26, 31, 38], choices=KNOWN)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=300_000, help="most of a seed")
    parser.add_argument("--without-scipy", action="store_true")
    options = parser.parse_args()
    print(f"{options.seeds} seeds, at most {options.evaluations} evaluations each; float32 (SciPy: float64)")
    print(f"{'n':>4} {'search':>16} {'found':>6} {'evaluations':>12} {'s':>8}")
    for n in options.n:
        system = nnrep.load_system("cluster", n=n)
        modes = nnrep.slow_modes(system, k=n)
        maps = {
            "none": nnrep.reparam.identity(),
            "cg, all modes": nnrep.reparam.linear(modes),
            "gnn": nnrep.reparam.graph(modes, 32),
        }
        searches: dict[str, Callable[[int], tuple[bool, int, float]]] = {
            name: partial(ours, system, reparam, most=options.evaluations) for name, reparam in maps.items()
        }
        if not options.without_scipy:
            searches["scipy"] = partial(theirs, system, most=options.evaluations)
        for name, search in searches.items():
            rows = [search(seed) for seed in range(options.seeds)]
            found, evaluations, seconds = (np.array(column) for column in zip(*rows, strict=True))
            each = max(1, found.sum())
            print(
                f"{n:>4} {name:>16} {found.mean():>6.2f} {evaluations.sum() / each:>12.0f}"
                f" {seconds.sum() / each:>8.2f}",
                flush=True,
            )


def ours(system: nnrep.System, reparam: Reparametrization, seed: int, most: int) -> tuple[bool, int, float]:
    """Whether it was found, evaluations, seconds."""
    wanted = KNOWN[system.n] + NEAR
    stopping = nnrep.Stopping(
        min_delta=0, patience=most, check_every=10, rules=(Partial(_is_below, jnp.asarray(wanted)),)
    )
    search = hopping(nnrep.lbfgs(0.1), *MOVES)
    stage = nnrep.Stage("hopping", reparam, search, stopping, most)
    result = nnrep.minimize(system, stage, seeds=[seed], max_steps=most)
    return (
        bool(result.energy[0] < KNOWN[system.n] + 10 * NEAR),
        int(result.evaluations[0]),
        float(result.time_minimize_s[0]),
    )


def _is_below(wanted: Array, seen: Check) -> Array:
    return seen.loss < wanted


def theirs(system: nnrep.System, seed: int, most: int) -> tuple[bool, int, float]:
    """The same of SciPy, on the same compiled energy."""
    evaluated = 0

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluated
        evaluated += 1
        with jax.enable_x64(True):
            value, gradient = _compiled((), flat.reshape(-1, 3))
        return float(value), np.asarray(gradient, float).ravel()

    def done(positions: np.ndarray, value: float, accepted: bool) -> bool:
        return value < KNOWN[system.n] + NEAR or evaluated >= most

    start = np.asarray(system.start(seed), float).ravel()
    energy(start)  # compiles
    evaluated, began = 0, time.perf_counter()
    result = basinhopping(
        energy,
        start,
        niter=most,
        T=MOVES.temperature,
        stepsize=MOVES.size,
        interval=10**9,  # moves of one size, as ours
        minimizer_kwargs={"method": "L-BFGS-B", "jac": True, "options": {"gtol": MOVES.rest}},
        callback=done,
        rng=seed,
    )
    return bool(result.fun < KNOWN[system.n] + 10 * NEAR), evaluated, time.perf_counter() - began


_compiled = jax.jit(cluster_energy_and_gradient)


if __name__ == "__main__":
    main()
