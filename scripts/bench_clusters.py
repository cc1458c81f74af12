"""Basin hopping of Lennard-Jones clusters beside SciPy's on the same energy: success, evaluations, time.

All begin at the same random starts, descend by L-BFGS, make moves of the same size at the same temperature,
and stop at the known minimum or after a number of evaluations of energy and gradient.

none         schedule=hopping as system=cluster has it
no surface   with schedule.surface=null: loose particles are moved as all others are
cg           the same through all modes of the graph, of which each number is moved
gnn          the same through a network, of which each number is moved
scipy        scipy.optimize.basinhopping: L-BFGS-B, in double precision

found        how many of the seeds tried found the known minimum (Wales and Doye, 1997)
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
from nnrep.choices.defaults import defaults_of
from nnrep.energies.cluster import cluster_energy_and_gradient
from nnrep.minimization.basin_hopping import Moves, hopping
from nnrep.minimization.schedules.hopping import HoppingSchedule
from nnrep.minimization.stopping.rule import Check
from nnrep.reparam.base import Reparametrization

KNOWN = {13: -44.326801, 19: -72.659782, 26: -108.315616, 31: -133.586422, 38: -173.928427, 55: -279.248470}
NEAR = 0.02  # of the minimum: what is found; no other minimum is as near
LAST = 200  # evaluations of the descent at the end
LONGEST_STEP = 0.2  # of a descent, as system=cluster has it
PLAIN = HoppingSchedule(name="hopping")
MOVES = Moves(PLAIN.size, PLAIN.temperature, PLAIN.rest, PLAIN.longest)
SURFACE = MOVES._replace(surface=defaults_of("system_schedule/cluster_hopping")["schedule"]["surface"])
Search = Callable[[int], tuple[bool, int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[13, 19, 26, 31, 38], choices=KNOWN)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=300_000, help="most of a seed")
    parser.add_argument(
        "--seconds", type=float, default=60, help="of a search, after which it begins no more seeds"
    )
    parser.add_argument("--searches", nargs="+", help="names of those to run, all by default")
    options = parser.parse_args()
    print(f"at most {options.evaluations} evaluations of a seed; float32 (SciPy: float64)")
    print(f"{'n':>4} {'search':>12} {'found':>9} {'evaluations':>12} {'s':>8}")
    for n in options.n:
        for name, make in SEARCHES.items():
            if options.searches and name not in options.searches:
                continue
            search, rows = make(n, options.evaluations), []
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                if sum(seconds for *_, seconds in rows) < options.seconds:
                    rows.append(search(seed))
            found, evaluations, seconds = (np.array(column) for column in zip(*rows, strict=True))
            each = max(1, found.sum())
            print(
                f"{n:>4} {name:>12} {f'{found.sum()} of {len(rows)}':>9} {evaluations.sum() / each:>12.0f}"
                f" {seconds.sum() / each:>8.2f}",
                flush=True,
            )


def ours(moves: Moves, make_map: Callable[[nnrep.System], Reparametrization], n: int, most: int) -> Search:
    """Our search for clusters of n particles, in at most so many evaluations."""
    system = nnrep.load_system("cluster", n=n)
    below = Partial(_is_below, jnp.asarray(KNOWN[n] + NEAR))
    stopping = nnrep.Stopping(min_delta=0, patience=most, check_every=10, rules=(below,))
    stage = nnrep.Stage(
        "hopping", make_map(system), hopping(nnrep.lbfgs(LONGEST_STEP), *moves), stopping, most
    )

    rest = nnrep.Stopping(min_delta=0, rms_force=1e-3)
    last = nnrep.Stage("fine", nnrep.reparam.identity(), nnrep.lbfgs(LONGEST_STEP), rest, LAST)

    def search(seed: int) -> tuple[bool, int, float]:
        result = nnrep.minimize(system, (stage, last), seeds=[seed], max_steps=most + LAST)
        found = bool(result.energy[0] < KNOWN[n] + NEAR)
        return found, int(result.evaluations[0]), float(result.time_minimize_s[0])

    return search


def _is_below(wanted: Array, seen: Check) -> Array:
    return seen.loss < wanted


def _positions(system: nnrep.System) -> Reparametrization:
    return nnrep.reparam.identity()


def _all_modes(system: nnrep.System) -> Reparametrization:
    return nnrep.reparam.linear(nnrep.slow_modes(system, k=system.n))


def _network(system: nnrep.System) -> Reparametrization:
    return nnrep.reparam.graph(nnrep.slow_modes(system, k=system.n), 32)


def theirs(n: int, most: int) -> Search:
    """SciPy's search, on the same compiled energy."""
    system = nnrep.load_system("cluster", n=n)
    evaluated = 0

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluated
        evaluated += 1
        with jax.enable_x64(True):
            value, gradient = _compiled((), flat.reshape(-1, 3))
        return float(value), np.asarray(gradient, float).ravel()

    def done(positions: np.ndarray, value: float, accepted: bool) -> bool:
        return value < KNOWN[n] + NEAR or evaluated >= most

    def search(seed: int) -> tuple[bool, int, float]:
        nonlocal evaluated
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
        return bool(result.fun < KNOWN[n] + NEAR), evaluated, time.perf_counter() - began

    return search


_compiled = jax.jit(cluster_energy_and_gradient)

SEARCHES: dict[str, Callable[[int, int], Search]] = {
    "none": partial(ours, SURFACE, _positions),
    "no surface": partial(ours, MOVES, _positions),
    "cg": partial(ours, MOVES, _all_modes),
    "gnn": partial(ours, MOVES, _network),
    "scipy": theirs,
}


if __name__ == "__main__":
    main()
