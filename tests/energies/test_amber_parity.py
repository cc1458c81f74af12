"""The AMBER energy against OpenMM's Reference platform: every term, every force, every structure."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from checkout import SHARED_STRUCTURES as SHARED
from entries import EMBEDDED, ENTRIES, molecule_of, needs_shared
from structure_texts import tripeptide

from nnrep.energies import all_pairs, amber_uncorrected, nonbonded
from nnrep.energies.amber import AmberParameters, amber_energy_and_gradient, amber_terms
from nnrep.energies.amber_uncorrected import uncorrected_energy_and_gradient, uncorrected_terms
from nnrep.energies.arrays import on_device
from nnrep.energies.nonbonded import pair_table
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.systems.force_fields.parameters import (
    COULOMB,
    amber_parameters,
    forces_of,
    pair_atoms,
    particles,
    uncorrected_parameters,
)

NOISE = (0.0, 0.01, 0.03)  # nm: native, warm, hot
TERMS = {
    "HarmonicBondForce": "bonds",
    "HarmonicAngleForce": "angles",
    "PeriodicTorsionForce": "torsions",
    "NonbondedForce": "nonbonded",
}
TOLERANCE = 1e-9

Values = dict[str, tuple[float, np.ndarray]]  # by term: energy in kJ/mol and gradient (n, 3)


class Case(NamedTuple):
    """A structure in several frames; the OpenMM system is kept, for its forces live no longer than it."""

    system: openmm.System
    frames: list[np.ndarray]


@cache
def case_of(entry: str) -> Case:
    molecule = molecule_of(entry)
    rng = np.random.default_rng(0)
    frames = [molecule.positions + noise * rng.normal(size=(molecule.n, 3)) for noise in NOISE]
    return Case(vacuum_system(molecule.topology), frames)


def reference_values(system: openmm.System, frames: list[np.ndarray]) -> list[Values]:
    """OpenMM's, of each force for itself."""
    forces = system.getForces()
    for group, force in enumerate(forces):
        force.setForceGroup(group)
    reference = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), reference)
    values: list[Values] = []
    for positions in frames:
        context.setPositions(positions)
        values.append({})
        for group, force in enumerate(forces):
            state = context.getState(energy=True, forces=True, groups={group})
            gradient = -state.getForces(asNumpy=True)._value
            values[-1][TERMS[type(force).__name__]] = state.getPotentialEnergy()._value, gradient
        of_terms = list(values[-1].values())
        values[-1]["total"] = sum(energy for energy, _ in of_terms), sum(slope for _, slope in of_terms)
    return values


@jax.jit
def all_values(parameters, positions):
    """Energy and gradient in closed form, and the terms by their definition with JAX's gradients."""
    by_term = amber_terms(parameters, positions), jax.jacrev(amber_terms, argnums=1)(parameters, positions)
    return amber_energy_and_gradient(parameters, positions), *by_term


def values_of(parameters: AmberParameters, frames: list[np.ndarray]) -> list[Values]:
    values = []
    for positions in frames:
        total, energies, gradients = all_values(parameters, jnp.asarray(positions))
        frame = {name: (float(energies[name]), np.asarray(gradients[name])) for name in energies}
        pairs = frame["lennard_jones"], frame["coulomb"]
        frame["nonbonded"] = pairs[0][0] + pairs[1][0], pairs[0][1] + pairs[1][1]
        frame["total"] = float(total[0]), np.asarray(total[1])
        values.append(frame)
    return values


@cache
def parameters_of(entry: str) -> AmberParameters:
    return amber_parameters(case_of(entry).system)


@cache
def computed_values(entry: str) -> list[Values]:
    return values_of(parameters_of(entry), case_of(entry).frames)


def deviation(gradient: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square deviation of all components, relative to their root mean square."""
    return float(np.linalg.norm(gradient - expected) / np.linalg.norm(expected))


def assert_same(computed: Values, expected: Values) -> None:
    for name, (energy, gradient) in expected.items():
        assert computed[name][0] == pytest.approx(energy, rel=TOLERANCE, abs=1e-12), name
        assert deviation(computed[name][1], gradient) < TOLERANCE, name


@pytest.mark.parametrize("entry", ENTRIES)
def test_terms_and_forces_are_those_of_openmm(entry):
    case = case_of(entry)
    for computed, expected in zip(
        computed_values(entry), reference_values(case.system, case.frames), strict=True
    ):
        assert set(expected) == {*TERMS.values(), "total"}
        assert_same(computed, expected)
        assert sum(computed[name][0] for name in TERMS.values()) == pytest.approx(computed["total"][0])


def without(topology, part: str) -> openmm.System:
    """The system without charges, or without the depths of Lennard-Jones."""
    system = vacuum_system(topology)
    force = forces_of(system)["NonbondedForce"]
    charged, deep = part != "coulomb", part != "lennard_jones"
    for index in range(force.getNumParticles()):
        charge, sigma, epsilon = force.getParticleParameters(index)
        force.setParticleParameters(index, charged * charge, sigma, deep * epsilon)
    for index in range(force.getNumExceptions()):
        i, j, product, sigma, epsilon = force.getExceptionParameters(index)
        force.setExceptionParameters(index, i, j, charged * product, sigma, deep * epsilon)
    return system


@pytest.mark.parametrize("entry", ENTRIES)
def test_lennard_jones_and_coulomb_are_those_of_openmm(entry):
    molecule = molecule_of(entry)
    for part, other in (("lennard_jones", "coulomb"), ("coulomb", "lennard_jones")):
        frames = reference_values(without(molecule.topology, other), case_of(entry).frames)
        for computed, expected in zip(computed_values(entry), frames, strict=True):
            assert_same({part: computed[part]}, {part: expected["nonbonded"]})


def test_row_blocks_are_openmm_too():
    """What large molecules have in place of the table of pairs."""
    case = case_of(EMBEDDED)
    rows = parameters_of(EMBEDDED)._replace(pairs=pair_atoms(forces_of(case.system)["NonbondedForce"]))
    frames = (
        values_of(rows, case.frames),
        reference_values(case.system, case.frames),
        computed_values(EMBEDDED),
    )
    for computed, expected, of_table in zip(*frames, strict=True):
        assert_same(computed, expected)
        assert_same(computed, of_table)


def rounded(values: jax.Array) -> jax.Array:
    """To the types that a run in float32 has."""
    return values.astype("float32" if values.dtype == "float64" else "int32")


@pytest.mark.parametrize("entry", ENTRIES)
def test_float32_is_close_to_float64(entry):
    """Of the forces not more can be had: bonds are stiff, and positions are known to 1e-7 nm."""
    case, exact = case_of(entry), computed_values(entry)
    parameters = jax.tree.map(rounded, parameters_of(entry))
    jax.config.update("jax_enable_x64", False)
    single = jax.jit(amber_energy_and_gradient)
    for positions, values in zip(case.frames, exact, strict=True):
        energy, gradient = single(parameters, jnp.asarray(positions))
        assert energy.dtype == gradient.dtype == "float32"
        assert float(energy) == pytest.approx(values["total"][0], rel=1e-4)
        assert deviation(np.asarray(gradient, float), values["total"][1]) < 1e-3


def test_parameters_in_float32_are_rounded_ones():
    expected = jax.tree.map(rounded, parameters_of(EMBEDDED))
    jax.config.update("jax_enable_x64", False)
    parameters = on_device(amber_parameters(case_of(EMBEDDED).system))
    for one, other in zip(jax.tree.leaves(parameters), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=3e-6, atol=3e-7)


# Systems that no protein gives: any phase, any exception, torsions listed in either direction.


def unusual_system(seed: int) -> openmm.System:
    """Six atoms in a chain, with random parameters."""
    rng = np.random.default_rng(seed)
    system, atoms = openmm.System(), 6
    for _ in range(atoms):
        system.addParticle(1.0)
    bonds, angles = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    torsions, pairs = openmm.PeriodicTorsionForce(), openmm.NonbondedForce()
    for i in range(atoms - 1):
        bonds.addBond(*rng.permutation([i, i + 1]), rng.uniform(0.1, 0.2), rng.uniform(1e4, 1e5))
    for i in range(atoms - 2):
        order = (i, i + 1, i + 2)[:: rng.choice([-1, 1])]
        angles.addAngle(*order, rng.uniform(0.5, 3), rng.uniform(100, 1000))
    four = [rng.permutation(atoms)[:4] for _ in range(3)]
    for quadruple in [*four, four[0], four[1][::-1], four[1][[0, 2, 1, 3]]]:
        torsions.addTorsion(*quadruple, rng.integers(1, 7), rng.uniform(-4, 4), rng.normal())
    for _ in range(atoms):
        pairs.addParticle(rng.normal(), rng.uniform(0.1, 0.3), rng.uniform(0, 1))
    for i in range(atoms - 1):
        pairs.addException(
            *rng.permutation([i, i + 1]), rng.normal(), rng.uniform(0.1, 0.3), rng.uniform(0, 1)
        )
    for force in (bonds, angles, torsions, pairs):
        system.addForce(force)
    return system


@pytest.mark.parametrize("seed", range(2))
def test_unusual_parameters_are_those_of_openmm(seed):
    system = unusual_system(seed)
    frames = list(0.3 * np.random.default_rng(seed).normal(size=(20, 6, 3)))
    computed, expected = values_of(amber_parameters(system), frames), reference_values(system, frames)
    for of_frame, reference in zip(computed, expected, strict=True):
        assert_same(of_frame, reference)


def test_systems_with_other_forces_are_refused():
    system = unusual_system(0)
    system.addForce(openmm.CMMotionRemover())
    with pytest.raises(ValueError, match="CMMotionRemover"):
        amber_parameters(system)
    system.removeForce(4)
    system.addForce(openmm.HarmonicBondForce())
    with pytest.raises(ValueError, match="each once"):
        amber_parameters(system)
    system.removeForce(4)
    system.removeForce(1)
    with pytest.raises(ValueError, match="must have"):
        amber_parameters(system)


# Pair by pair in NumPy.


def random_pairs(n: int, rng: np.random.Generator) -> openmm.NonbondedForce:
    """Atoms of any parameters; neighbours along the chain are excluded, the next ones exceptions."""
    force = openmm.NonbondedForce()
    for _ in range(n):
        force.addParticle(rng.normal(), rng.uniform(0.1, 0.4), rng.uniform(0, 1))
    for i in range(n - 1):
        force.addException(i, i + 1, 0.0, 1.0, 0.0)
    for i in range(n - 2):
        force.addException(
            *rng.permutation([i, i + 2]), rng.normal(), rng.uniform(0.1, 0.4), rng.uniform(0, 1)
        )
    return force


def pair_sums(force: openmm.NonbondedForce, x: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Lennard-Jones and Coulomb energy and the gradient of both, written pair by pair."""
    charge, sigma, epsilon = particles(force)
    exceptions = {}
    for index in range(force.getNumExceptions()):
        i, j, *numbers = force.getExceptionParameters(index)
        exceptions[frozenset((i, j))] = [number._value for number in numbers]
    lennard_jones, coulomb, gradient = 0.0, 0.0, np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i):
            mixed = charge[i] * charge[j], (sigma[i] + sigma[j]) / 2, np.sqrt(epsilon[i] * epsilon[j])
            product, length, depth = exceptions.get(frozenset((i, j)), mixed)
            r = np.linalg.norm(x[i] - x[j])
            sixth = (length / r) ** 6
            lennard_jones += 4 * depth * (sixth**2 - sixth)
            coulomb += COULOMB * product / r
            slope = -4 * depth * (12 * sixth**2 - 6 * sixth) / r - COULOMB * product / r**2
            gradient[i] += slope * (x[i] - x[j]) / r
            gradient[j] -= slope * (x[i] - x[j]) / r
    return lennard_jones, coulomb, gradient


@pytest.mark.parametrize("n", [1, 2, 8, 9, 17])
def test_pairs_of_any_number_of_atoms(n, monkeypatch):
    """Below, at and beyond the size of a block."""
    monkeypatch.setattr(all_pairs, "TABLE_BLOCK", 8)
    monkeypatch.setattr(all_pairs, "ROW_BLOCK", 4)
    rng = np.random.default_rng(n)
    force, x = random_pairs(n, rng), rng.normal(size=(n, 3))
    *energies, gradient = pair_sums(force, x)
    atoms = pair_atoms(force)

    @jax.jit
    def evaluate(pairs, coordinates):
        separate = nonbonded.nonbonded_energies(pairs, coordinates)
        return separate, *nonbonded.nonbonded_energy_and_gradient(pairs, coordinates)

    for pairs in (atoms, jax.jit(pair_table)(atoms, jnp.arange(n))):
        separate, total, slopes = evaluate(pairs, jnp.asarray(x.T))
        np.testing.assert_allclose(separate, energies, rtol=1e-10)
        assert float(total) == pytest.approx(sum(energies), rel=1e-10)
        np.testing.assert_allclose(slopes.T, gradient, rtol=1e-9, atol=1e-11 * abs(gradient).max())


# The sum of the paper's code.


@needs_shared
def test_uncorrected_energies_are_the_published_ones():
    molecule = prepared("2JOF", [SHARED], Preparation(model=1))
    parameters = uncorrected_parameters(vacuum_system(molecule.topology))
    x = jnp.asarray(molecule.positions)

    @jax.jit
    def evaluate(parameters, x):
        return uncorrected_terms(parameters, x), uncorrected_energy_and_gradient(parameters, x)[0]

    values, energy = evaluate(parameters, x)
    terms = {name: float(value) for name, value in values.items()}
    printed = {name: f"{terms[name]:.3f}" for name in ("bonds", "angles", "torsions")}
    assert printed == {"bonds": "34.146", "angles": "147.196", "torsions": "992.302"}
    assert f"{terms['lennard_jones'] + terms['coulomb']:.3e}" == "9.807e+04"
    assert f"{float(energy):.1f}" == "99245.4"
    assert float(energy) == pytest.approx(sum(terms.values()), rel=1e-12)


def test_uncorrected_pairs_count_twice_and_are_capped():
    molecule = tripeptide()
    system = vacuum_system(molecule.topology)
    _, sigma, epsilon = particles(forces_of(system)["NonbondedForce"])
    expected = 0.0
    for i in range(molecule.n):
        for j in range(molecule.n):
            if i != j:
                r = np.linalg.norm(molecule.positions[i] - molecule.positions[j])
                s = r / ((sigma[i] + sigma[j]) / 2)
                depth = 4 * np.sqrt(epsilon[i] * epsilon[j])
                expected += depth * (1 / (s**12 + 0.01) - 1 / (s**6 + 0.06))
    parameters, x = uncorrected_parameters(system), jnp.asarray(molecule.positions)
    terms = jax.jit(uncorrected_terms)(parameters, x)
    assert float(terms["lennard_jones"]) == pytest.approx(expected, rel=1e-10)
    assert float(terms["coulomb"]) == 0


def test_uncorrected_pairs_of_large_molecules_are_taken_row_by_row(monkeypatch):
    molecule = tripeptide()
    parameters = uncorrected_parameters(vacuum_system(molecule.topology))
    x = jnp.asarray(molecule.positions)

    def values():
        energy, gradient = jax.jit(lambda p, x: uncorrected_energy_and_gradient(p, x))(parameters, x)
        return energy, gradient, jax.jit(lambda p, x: uncorrected_terms(p, x))(parameters, x)["lennard_jones"]

    whole = values()
    monkeypatch.setattr(amber_uncorrected, "MAX_TABLE_ATOMS", 10)
    monkeypatch.setattr(all_pairs, "ROW_BLOCK", 16)
    for rows, table in zip(values(), whole, strict=True):
        np.testing.assert_allclose(rows, table, rtol=1e-12, atol=1e-12 * float(jnp.max(abs(table))))
