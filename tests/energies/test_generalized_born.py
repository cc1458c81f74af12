"""The energy of a generalised Born solvent: OpenMM's, for every structure, and what its parts must do."""

import copy
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from entries import EMBEDDED, ENTRIES, molecule_of
from openmm import app
from pair_sum import pair_energy
from structure_texts import tripeptide

from nnrep.energies import all_pairs
from nnrep.energies.arrays import on_device
from nnrep.energies.born_radii import NeckKinds, NeckTable, born_radii, born_sums
from nnrep.energies.energy import Energy
from nnrep.energies.generalized_born import (
    BornParameters,
    coupling_terms,
    fixed_radii,
    pair_row_energies,
)
from nnrep.structures.force_field import Continuum, continuum_system, stored_continuum_force
from nnrep.structures.molecule import Molecule
from nnrep.systems.solvents import parameters as parameters_module
from nnrep.systems.solvents.continuum import born_energy
from nnrep.systems.solvents.parameters import born_of
from nnrep.systems.solvents.registry import SOLVENTS
from nnrep.systems.solvents.solvent import SolventOptions, Surface

MODELS = [name for name, solvent in SOLVENTS.items() if solvent.build is not None]
NOISE = (0.0, 0.01, 0.03)  # nm: native, warm, hot
TOLERANCE = 1e-10
OPTIONS = {
    "default": {},
    "no surface": {"surface": Surface.none},
    "salt": {"kappa": 1.3},
    "dielectrics": {"solute_dielectric": 2.0, "solvent_dielectric": 40.0},
    "all": {"solute_dielectric": 4.0, "solvent_dielectric": 20.0, "kappa": 0.4, "surface": Surface.none},
}


def energy_of(molecule: Molecule, model: str, **options) -> Energy:
    solvent = SOLVENTS[model]
    energy = solvent.build(stored_continuum_force(molecule, solvent.file), SolventOptions(**options))
    return energy._replace(parameters=on_device(energy.parameters))


def frames_of(molecule: Molecule, noise=NOISE) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [molecule.positions + scale * rng.normal(size=(molecule.n, 3)) for scale in noise]


def reference(molecule: Molecule, model: str, frames, **options) -> list[tuple[float, np.ndarray]]:
    """OpenMM's energy and gradient of the solvent alone."""
    chosen = SolventOptions(**options)
    continuum = Continuum(
        SOLVENTS[model].file,
        chosen.solute_dielectric,
        chosen.solvent_dielectric,
        chosen.kappa,
        chosen.surface is Surface.ace,
    )
    system = continuum_system(molecule.topology, continuum)
    for force in system.getForces():
        force.setForceGroup(int(isinstance(force, openmm.CustomGBForce)))
    platform = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    values = []
    for positions in frames:
        context.setPositions(positions)
        state = context.getState(energy=True, forces=True, groups={1})
        values.append((state.getPotentialEnergy()._value, -state.getForces(asNumpy=True)._value))
    return values


def deviation(gradient, expected) -> float:
    """Root mean square deviation of all components, relative to their root mean square."""
    return float(np.linalg.norm(np.asarray(gradient, float) - expected) / np.linalg.norm(expected))


def assert_same(energy: Energy, frames, expected) -> None:
    evaluate = jax.jit(energy.energy_and_gradient)
    for positions, (value, gradient) in zip(frames, expected, strict=True):
        ours, slopes = evaluate(energy.parameters, jnp.asarray(positions))
        assert float(ours) == pytest.approx(value, rel=TOLERANCE)
        assert deviation(slopes, gradient) < TOLERANCE


@pytest.fixture
def large(monkeypatch):
    """Small molecules are evaluated as large ones: in a loop over few rows, necks by kinds of atoms."""
    monkeypatch.setattr(all_pairs, "MAX_TABLE_ATOMS", 10)
    monkeypatch.setattr(all_pairs, "ROW_BLOCK", 16)
    monkeypatch.setattr(parameters_module, "MAX_TABLE_ATOMS", 10)
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_energy_and_forces_are_those_of_openmm(entry, model):
    molecule = molecule_of(entry)
    frames = frames_of(molecule)
    assert_same(energy_of(molecule, model), frames, reference(molecule, model, frames))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_are_those_of_openmm(options, model):
    """In frames where atoms lie within one another as well."""
    molecule = tripeptide()
    frames = frames_of(molecule, (0.0, 0.3, 0.05, 0.1))
    expected = reference(molecule, model, frames, **options)
    assert_same(energy_of(molecule, model, **options), frames, expected)


def force_of(model: str, **arguments) -> openmm.CustomGBForce:
    """OpenMM's force of its file, of the tripeptide."""
    field = app.ForceField("amber14-all.xml", f"implicit/{model}.xml")
    system = field.createSystem(tripeptide().topology, nonbondedMethod=app.NoCutoff, **arguments)
    (force,) = (force for force in system.getForces() if isinstance(force, openmm.CustomGBForce))
    return copy.copy(force)


def compiled() -> openmm.GBSAOBCForce:
    """OpenMM's own code of OBC2."""
    force, custom = openmm.GBSAOBCForce(), force_of("obc2")
    for index in range(custom.getNumParticles()):
        charge, inner, reach = custom.getParticleParameters(index)
        force.addParticle(charge, inner + 0.009, reach / inner)
    return force


FORCES = {
    "GBSAOBCForce": compiled,
    "OBC1": lambda: force_of("obc1"),
    "GBn": lambda: force_of("gbn", implicitSolventKappa=0.5, solventDielectric=33.0),
    "GBn2": lambda: force_of("gbn2", sasaMethod=None, soluteDielectric=1.5),
}


@pytest.mark.parametrize("name", FORCES)
def test_forces_of_any_system_are_those_of_openmm(name):
    """In frames where atoms lie within one another as well."""
    force = FORCES[name]()
    system = openmm.System()
    for _ in range(tripeptide().n):
        system.addParticle(1.0)
    system.addForce(copy.copy(force))
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference"))
    energy = born_energy(born_of(force))
    energy = energy._replace(parameters=on_device(energy.parameters))
    frames, expected = frames_of(tripeptide(), (0.0, 0.3, 0.05, 0.1)), []
    for positions in frames:
        context.setPositions(positions)
        state = context.getState(energy=True, forces=True)
        expected.append((state.getPotentialEnergy()._value, -state.getForces(asNumpy=True)._value))
    assert_same(energy, frames, expected)


def _edited(edit) -> openmm.CustomGBForce:
    """GBn2's force with another text in the place of one of its own."""
    text = openmm.XmlSerializer.serialize(force_of("gbn2"))
    old, new = edit
    assert old in text
    return openmm.XmlSerializer.deserialize(text.replace(old, new))


@pytest.mark.parametrize(
    "edit",
    [
        ("1/(1/or-tanh", "1/(1/or-2*tanh"),
        ("psi=I*or", "psi=I*radius"),
        ("charge1*charge2/f", "charge1*charge2*f"),
        ("sqrt(r^2", "sqrt(2*r^2"),
        ("neckCut=0.68", "neckCut=0.7"),
        ("U=r+sr2", "U=r+sr2; r=1"),
        ("(radius/B)^6", "(radius/B)^5"),
        ('method="0"', 'method="1"'),
    ],
)
def test_another_force_is_not_taken_for_one_that_is_known(edit):
    assert born_of(force_of("gbn2")) is not None
    assert born_of(_edited(edit)) is None


def test_the_numbers_of_a_force_are_its_own():
    changed = born_of(_edited(("138.935485", "138.9")))
    assert changed.coulomb == 138.9
    assert born_of(_edited(("neckScale=0.826836", "neckScale=0.4"))).neck.depth.max() == pytest.approx(
        born_of(force_of("gbn2")).neck.depth.max() * 0.4 / 0.826836
    )


def test_each_option_has_an_effect():
    values = set()
    for options in OPTIONS.values():
        energy = energy_of(tripeptide(), "gbn2", **options)
        values.add(float(energy.of_positions()(jnp.asarray(tripeptide().positions))))
    assert len(values) == len(OPTIONS)


@pytest.mark.parametrize("model", MODELS)
def test_large_molecules_are_openmm_too(model, large):
    molecule = molecule_of(EMBEDDED)
    frames, energy = frames_of(molecule), energy_of(molecule, model, kappa=0.7)
    neck = energy.parameters.spheres.neck
    assert isinstance(neck, NeckKinds) if model == "gbn2" else neck is None
    assert_same(energy, frames, reference(molecule, model, frames, kappa=0.7))


def test_large_molecules_have_no_table(monkeypatch):
    count = tripeptide().n
    monkeypatch.setattr(parameters_module, "MAX_TABLE_ATOMS", count)
    assert isinstance(energy_of(tripeptide(), "gbn2").parameters.spheres.neck, NeckTable)
    monkeypatch.setattr(parameters_module, "MAX_TABLE_ATOMS", count - 1)
    assert isinstance(energy_of(tripeptide(), "gbn2").parameters.spheres.neck, NeckKinds)


@pytest.mark.parametrize("model", MODELS)
def test_memory_of_large_molecules_is_linear(model, large):
    n = 4000
    energy = energy_of(tripeptide(), model)
    parameters = jax.tree.map(
        lambda values: jnp.resize(values, n) if values.shape == (tripeptide().n,) else values,
        energy.parameters,
    )
    lowered = jax.jit(energy.energy_and_gradient).lower(parameters, jnp.zeros((n, 3)))
    needed = lowered.compile().memory_analysis().temp_size_in_bytes
    assert needed < 0.1 * n**2 * 8  # of one matrix


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("entry", [EMBEDDED, *ENTRIES[-2:]])
def test_float32_is_close_to_float64(entry, model):
    molecule = molecule_of(entry)
    frames = frames_of(molecule)
    evaluate = jax.jit(energy_of(molecule, model).energy_and_gradient)
    parameters = energy_of(molecule, model).parameters
    exact = [evaluate(parameters, jnp.asarray(frame)) for frame in frames]
    jax.config.update("jax_enable_x64", False)
    energy = energy_of(molecule, model)
    single = jax.jit(energy.energy_and_gradient)
    for frame, (value, gradient) in zip(frames, exact, strict=True):
        ours, slopes = single(energy.parameters, jnp.asarray(frame))
        assert ours.dtype == slopes.dtype == "float32"
        assert float(ours) == pytest.approx(float(value), rel=2e-6)
        assert deviation(slopes, np.asarray(gradient)) < 3e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", MODELS)
def test_atoms_may_lie_on_one_another(model, dtype):
    """In one place they have the energy that they have next to one another, and no endless force."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    energy = energy_of(tripeptide(), model, kappa=0.5)
    evaluate = jax.jit(energy.energy_and_gradient)
    x = tripeptide().positions
    scale = float(abs(evaluate(energy.parameters, jnp.asarray(x))[1]).max())
    for one, other in [(0, 1), (0, 5), (3, 4), (4, 20), (6, 30)]:
        together = x.copy()
        together[one] = together[other]
        near = together.copy()
        near[one] += [1e-6, -1e-6, 2e-6]
        (value, gradient), (beside, slopes) = (
            evaluate(energy.parameters, jnp.asarray(positions)) for positions in (together, near)
        )
        for numbers in (value, gradient, slopes):
            assert np.all(np.isfinite(numbers))
        assert float(value) == pytest.approx(float(beside), rel=1e-5)
        assert abs(gradient).max() < 100 * scale
    value, gradient = evaluate(energy.parameters, jnp.zeros_like(jnp.asarray(x)))
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("model", MODELS)
def test_products_with_the_hessian_are_differences_of_forces(model):
    energy = energy_of(tripeptide(), model, kappa=0.5)
    x = jnp.asarray(frames_of(tripeptide())[1])
    direction = jax.random.normal(jax.random.key(0), x.shape)
    forces = jax.jit(jax.grad(energy.of_positions()))
    product = jax.jit(lambda x: jax.jvp(forces, (x,), (direction,))[1])(x)
    h = 1e-6
    difference = (forces(x + h * direction) - forces(x - h * direction)) / (2 * h)
    np.testing.assert_allclose(product, difference, atol=1e-6 * float(abs(product).max()))


def radii_of(parameters: BornParameters, x) -> jax.Array:
    return born_radii(parameters.spheres, born_sums(parameters.spheres, jnp.asarray(x).T))[0]


@pytest.mark.parametrize("options", [{}, {"kappa": 0.9}], ids=["no salt", "salt"])
@pytest.mark.parametrize("model", MODELS)
def test_pair_terms_are_the_pairs_at_fixed_radii(model, options):
    """At other positions as well: the radii are those of where the Hessian is taken."""
    parameters = energy_of(tripeptide(), model, **options).parameters
    here, there = map(jnp.asarray, frames_of(tripeptide())[:2])
    born, charge = np.asarray(radii_of(parameters, here)), np.asarray(parameters.charge)
    i, j = np.triu_indices(len(charge), 1)
    square = np.sum((np.asarray(there)[i] - np.asarray(there)[j]) ** 2, axis=1)
    product = born[i] * born[j]
    f = np.sqrt(square + product * np.exp(-square / (4 * product)))
    tau = 1 - np.exp(-options.get("kappa", 0.0) * f) / 78.5
    expected = -charge[i] * charge[j] * tau / f
    (term,) = coupling_terms(parameters)
    fixed = term.at(here)._replace(at=None)
    assert float(pair_energy((fixed,), there)) == pytest.approx(expected.sum(), rel=1e-12)
    rows = jnp.array([3, 7])
    squared = all_pairs.squared_distances(there.T[:, rows], there.T)
    energies = pair_row_energies(fixed_radii(parameters, here), rows, squared)
    for row, values in zip(np.asarray(rows), np.asarray(energies), strict=True):
        own = (i == row) | (j == row)
        others = np.where(i[own] == row, j[own], i[own])
        np.testing.assert_allclose(values[others], expected[own], rtol=1e-11)


@cache
def buried() -> np.ndarray:
    """Number of atoms within 0.7 nm of each, of the embedded structure."""
    x = molecule_of(EMBEDDED).positions
    return (np.linalg.norm(x[:, None] - x, axis=2) < 0.7).sum(axis=1)


@pytest.mark.parametrize("model", MODELS)
def test_buried_atoms_have_larger_radii(model):
    parameters = energy_of(molecule_of(EMBEDDED), model).parameters
    born = np.asarray(radii_of(parameters, molecule_of(EMBEDDED).positions))
    assert np.all(born >= np.asarray(parameters.spheres.inner) * 0.9)
    assert np.corrcoef(born, buried())[0, 1] > 0.6
