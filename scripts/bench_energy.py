"""Time of one energy and force beside OpenMM's platforms stepping the same molecule, in one run.

nnrep     energy and gradient of the AMBER force field, repeated inside a compiled loop
openmm    a Verlet step on the CPU platform, with as many threads
ratio     of the two; the aim is at most 0.55
padded    nnrep on the molecule with its dummies, as commands run it; over: what that adds to nnrep's time
parts     of nnrep, in the same loop: pairs alone, bonded terms alone, the gradient without the energy
replicas  per replica: one after the other, as nnrep runs them on a CPU, or by `vmap`, as is named

With --solvents, a row for each: OpenMM's CPU platform on one and two threads and its Reference platform
(cpu1, cpu2, reference), nnrep on one thread with the whole force field, its ratio to cpu1, and the solvent
alone.

Every figure is the median of several rounds, each of which measures all figures of a molecule once; ratios
are medians of the rounds' ratios.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import openmm
from jax.tree_util import Partial

from nnrep.energies.amber import AmberParameters, amber_energy_and_gradient, padded
from nnrep.energies.arrays import on_device
from nnrep.energies.bonded import bonded_energy_and_gradient
from nnrep.energies.nonbonded import nonbonded_energy_and_gradient
from nnrep.energies.padding import padded_size
from nnrep.energies.vectors import components
from nnrep.errors import UserError
from nnrep.host.runtime import compute_with_one_thread
from nnrep.structures.force_field import stored_continuum_force, vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.prepare import Preparation, prepared
from nnrep.structures.simulation import Solvent, open_context, solvated
from nnrep.systems.force_fields.parameters import amber_parameters
from nnrep.systems.protein import ProteinConfig
from nnrep.systems.solvents.registry import SOLVENTS

MOLECULES = ["1PLW", "5AWL", "2JOF", "1L2Y", "1UNC", "2WXC", "3GB1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("molecules", nargs="*", default=MOLECULES, help="files or PDB entries")
    parser.add_argument("--structures", nargs="*", default=[], help="folders of structures")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--solvents", nargs="+", default=[], choices=list(SOLVENTS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.15, help="of each measurement")
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jax.config.update("jax_enable_x64", False)
    if options.solvents:
        compare_in_solvents(options)
        return
    print(f"float32, {jax.devices()[0].device_kind}, {threads} threads; microseconds, medians")
    names = ("molecule", "atoms", "replicas", "openmm", "nnrep", "ratio", "by", "padded", "over")
    names += ("pairs", "bonded", "gradient")
    print(" ".join(f"{name:>9}" for name in names))
    for name in options.molecules:
        try:
            molecule = prepared(None if name == "1L2Y" else name, options.structures, Preparation())
        except UserError as error:
            print(f"{name:>9} left out: {error}")
            continue
        for replicas in options.replicas:
            print(row(molecule, replicas, threads, options), flush=True)


def compare_in_solvents(options: Any) -> None:
    compute_with_one_thread()
    print(f"float32, {jax.devices()[0].device_kind}; microseconds, medians")
    names = ("molecule", "atoms", "solvent", "cpu1", "cpu2", "reference", "nnrep", "ratio", "alone")
    print(" ".join(f"{name:>9}" for name in names))
    for name in options.molecules:
        molecule = prepared(None if name == "1L2Y" else name, options.structures, Preparation())
        for solvent in options.solvents:
            print(solvent_row(molecule, solvent, options), flush=True)


def solvent_row(molecule: Molecule, solvent: str, options: Any) -> str:
    config = ProteinConfig(solvent=solvent)
    system, _ = solvated(molecule, molecule.positions, Solvent.vacuum, False, config.continuum)
    actions = {
        "cpu1": openmm_time(molecule, 1, system),
        "cpu2": openmm_time(molecule, 2, system),
        "reference": openmm_time(molecule, None, system, "Reference"),
    }
    vacuum = on_device(amber_parameters(vacuum_system(molecule.topology)))
    known = SOLVENTS[solvent]
    if known.build is None or known.file is None:
        evaluate = Partial(amber_energy_and_gradient, vacuum)
    else:
        energy = known.build(stored_continuum_force(molecule, known.file), config.solvent_options)
        own = on_device(energy.parameters)
        evaluate = Partial(_sum_of(energy.energy_and_gradient), (vacuum, own))
        actions["alone"] = our_time(Partial(energy.energy_and_gradient, own), molecule.positions, 1, "one")
    actions["nnrep"] = our_time(evaluate, molecule.positions, 1, "one")
    counts = {name: max(3, int(options.seconds / action(3))) for name, action in actions.items()}
    rounds = [
        {name: 1e6 * action(counts[name]) for name, action in actions.items()} for _ in range(options.rounds)
    ]
    median = {name: statistics.median(seen[name] for seen in rounds) for name in actions}
    ratio = statistics.median(seen["nnrep"] / seen["cpu1"] for seen in rounds)
    figures = [molecule.name, molecule.n, solvent]
    figures += [f"{median[name]:.1f}" for name in ("cpu1", "cpu2", "reference", "nnrep")]
    figures += [f"{ratio:.3f}", f"{median['alone']:.1f}" if "alone" in median else ""]
    return " ".join(f"{figure:>9}" for figure in figures)


def _sum_of(of_solvent: Callable) -> Callable:
    def both(parameters, positions):
        vacuum, vacuum_gradient = amber_energy_and_gradient(parameters[0], positions)
        solvent, gradient = of_solvent(parameters[1], positions)
        return vacuum + solvent, vacuum_gradient + gradient

    return both


def row(molecule: Molecule, replicas: int, threads: int, options: Any) -> str:
    read = amber_parameters(vacuum_system(molecule.topology))
    size = padded_size(molecule.n + 1)
    parameters, with_dummies = on_device((read, padded(read, size)))
    by = "vmap" if replicas > 1 and molecule.n < 100 else "one"
    actions = {"openmm": openmm_time(molecule, threads)}
    for name, function in FUNCTIONS.items():
        if replicas == 1 or name == "nnrep":
            actions[name] = our_time(Partial(function, parameters), molecule.positions, replicas, by)
    centre = np.repeat(molecule.positions.mean(axis=0, keepdims=True), size - molecule.n, axis=0)
    whole, evaluate = np.concatenate([molecule.positions, centre]), Partial(FUNCTIONS["nnrep"], with_dummies)
    actions["padded"] = our_time(evaluate, whole, replicas, by)
    counts = {name: max(20, int(options.seconds / action(20))) for name, action in actions.items()}
    seen: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(options.rounds):
        for name, action in actions.items():
            seen[name].append(1e6 * action(counts[name]))
    ratio = statistics.median(a / b for a, b in zip(seen["nnrep"], seen["openmm"], strict=True))
    over = statistics.median(a / b for a, b in zip(seen["padded"], seen["nnrep"], strict=True)) - 1
    median = {name: f"{statistics.median(values):.1f}" for name, values in seen.items()}
    figures = [molecule.name, molecule.n, replicas, median["openmm"], median["nnrep"], f"{ratio:.2f}"]
    figures += ["" if replicas == 1 else by, median["padded"], f"{100 * over:+.0f}%"]
    figures += [*(median.get(name, "") for name in list(FUNCTIONS)[1:])]
    return " ".join(f"{figure:>9}" for figure in figures)


def _pairs(parameters: AmberParameters, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    energy, gradient = nonbonded_energy_and_gradient(parameters.pairs, components(positions))
    return energy, gradient.T


def _bonded(parameters: AmberParameters, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    energy, gradient = bonded_energy_and_gradient(
        parameters.planes, parameters.torsions, components(positions)
    )
    return energy, gradient.T


def _gradient(parameters: AmberParameters, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.zeros(()), amber_energy_and_gradient(parameters, positions)[1]


FUNCTIONS = {
    "nnrep": amber_energy_and_gradient,
    "pairs": _pairs,
    "bonded": _bonded,
    "gradient": _gradient,
}


def our_time(evaluate: Partial, positions: np.ndarray, replicas: int, by: str) -> Callable[[int], float]:
    """Seconds per evaluation and replica, at positions (n, 3)."""
    start = jnp.broadcast_to(jnp.asarray(positions, jnp.float32), (replicas, *positions.shape))

    @jax.jit
    def run(evaluate, positions, count):
        def step(_, carry):
            x, total = carry
            energy, gradient = evaluate(x)
            # Depends on the gradient, so that nothing is left out, and hardly moves.
            return x - 1e-12 * gradient, total + energy

        def one(x):
            return jax.lax.fori_loop(0, count, step, (x, jnp.zeros(())))

        return jax.vmap(one)(positions) if by == "vmap" else one(positions)

    batches = [start] if by == "vmap" else list(start)
    jax.block_until_ready(run(evaluate, batches[0], 1))

    def seconds(count: int) -> float:
        began = time.perf_counter()
        for batch in batches:
            jax.block_until_ready(run(evaluate, batch, count))
        return (time.perf_counter() - began) / (count * replicas)

    return seconds


def openmm_time(
    molecule: Molecule,
    threads: int | None,
    system: openmm.System | None = None,
    platform: str = "CPU",
) -> Callable[[int], float]:
    """Seconds per step, of a tenth of a femtosecond so that nothing moves far; in vacuum, or of a system."""
    integrator = openmm.VerletIntegrator(1e-4)
    context = open_context(system or vacuum_system(molecule.topology), integrator, platform, threads)
    context.setPositions(molecule.positions)
    integrator.step(3)

    def seconds(count: int) -> float:
        began = time.perf_counter()
        integrator.step(count)
        context.getState()
        return (time.perf_counter() - began) / count

    return seconds


if __name__ == "__main__":
    main()
