"""Frozen atoms never move, restraints pull, on every map and engine; nothing changes without them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from compilations import counted
from jax.tree_util import Partial
from structure_texts import fails, tripeptide

import nnrep
from nnrep.baselines.openmm_dynamics import DynamicsConfig
from nnrep.baselines.openmm_minimizer import MinimizerConfig
from nnrep.baselines.run import run_baseline
from nnrep.choices.identity import hash_of, plain_form
from nnrep.choices.settings import build
from nnrep.energies.restraints import Restraints, positional_restraints
from nnrep.errors import ConfigError
from nnrep.modes.assembled import hessian_of
from nnrep.modes.here import modes_here
from nnrep.modes.hessian import hessian_by_products
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.reparam.build import built_map
from nnrep.reparam.registry import MAPS
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.simulation import restraining_force
from nnrep.systems.measures import rmsd_to_each
from nnrep.systems.protein import ProteinConfig, protein_system

KCAL_PER_SQUARE_ANGSTROM = 418.4  # in kJ/mol/nm^2


def system_of(padded=False, molecule=None, **settings) -> nnrep.System:
    config = build(ProteinConfig, {"name": "protein", **settings})
    return protein_system(config, molecule or tripeptide(), padded=padded)


def away(system, scale=0.02):
    """Positions away from the start."""
    return system.positions + scale * jax.random.normal(jax.random.key(3), system.positions.shape)


# Restraints.


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
def test_restraints_add_half_k_times_the_squared_displacement(padded):
    free = system_of(padded)
    held = system_of(padded, restraints="heavy", restraint_strength=500)
    x = away(free)
    elements = [atom.element.symbol for atom in tripeptide().topology.atoms()]
    heavy = np.pad(np.array(elements) != "H", (0, free.dummies))
    moved = np.asarray(x - free.positions)
    expected = 0.5 * 500 * np.sum(moved[heavy] ** 2)
    assert float(held.energy_terms(x)["restraints"]) == pytest.approx(expected, rel=1e-12)
    assert float(held.energy(x) - free.energy(x)) == pytest.approx(expected, rel=1e-9)
    pull = np.asarray(jax.grad(held.energy)(x) - jax.grad(free.energy)(x))
    np.testing.assert_allclose(pull, 500 * moved * heavy[:, None], atol=1e-8)


def test_energies_and_forces_are_those_of_openmm_with_the_same_restraints():
    system = system_of(restraints="backbone", restraint_strength=10 * KCAL_PER_SQUARE_ANGSTROM)
    openmm_system = vacuum_system(tripeptide().topology)
    openmm_system.addForce(restraining_force(system.restraints))
    reference = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(openmm_system, openmm.VerletIntegrator(0.001), reference)
    x = np.asarray(away(system, 0.01))
    context.setPositions(x)
    state = context.getState(energy=True, forces=True)
    energy, gradient = jax.value_and_grad(system.energy)(jnp.asarray(x))
    assert float(energy) == pytest.approx(state.getPotentialEnergy()._value, rel=1e-9)
    forces = np.asarray(state.getForces(asNumpy=True)._value)
    np.testing.assert_allclose(-gradient, forces, atol=1e-9 * abs(forces).max())


def test_default_strength_is_that_of_alphafold():
    assert build(ProteinConfig, {"name": "protein"}).restraint_strength == 10 * KCAL_PER_SQUARE_ANGSTROM


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
def test_hessian_has_the_restraints_on_its_diagonal(padded):
    system = system_of(padded, restraints="ca")
    x = away(system, 0.003)
    blocks = np.asarray(jax.jit(hessian_of(system))(x))
    products = np.asarray(hessian_by_products(system.energy, x))
    np.testing.assert_allclose(blocks, products, atol=1e-9 * abs(products).max())
    bare = np.asarray(jax.jit(hessian_of(system_of(padded)))(x))
    on_diagonal = np.diag(blocks - bare).reshape(-1, 3)
    assert (
        np.flatnonzero(on_diagonal[:, 0] > 1).tolist() == np.flatnonzero(system.restraints.strength).tolist()
    )
    np.testing.assert_allclose(on_diagonal[on_diagonal > 1], 4184, rtol=1e-6)


def test_large_molecules_keep_their_pairs_in_rows(monkeypatch):
    for module in ("parameters", "classical"):
        monkeypatch.setattr(f"nnrep.systems.force_fields.{module}.MAX_TABLE_ATOMS", 10)
    free, held = system_of(), system_of(restraints="heavy")
    assert held.pair_rows is not None
    rows, squared = np.arange(4), jnp.ones((4, free.n))
    np.testing.assert_array_equal(
        held.pair_rows.row_energies(rows, squared), free.pair_rows.row_energies(rows, squared)
    )
    monkeypatch.setattr("nnrep.modes.slow.MAX_LISTED", 10)
    plain, restrained = (nnrep.slow_modes(system, 5) for system in (free, held))
    largest = float(plain.values[-1])
    np.testing.assert_allclose(
        restrained.values, plain.values, atol=1e-9 * largest
    )  # of what couples two atoms


def test_restraints_hold_at_the_start_or_at_the_native_structure():
    at_start = system_of(start="perturbed", restraints="heavy")
    native = system_of(start="perturbed", restraints="heavy", restraint_reference="native")
    np.testing.assert_array_equal(at_start.restraints.reference, native.restraints.reference)  # without noise
    extended = system_of(start="extended", restraints="heavy")
    terms = extended.energy_terms(extended.positions)
    assert float(terms["restraints"]) == 0
    elsewhere = system_of(start="extended", restraints="heavy", restraint_reference="native")
    assert float(elsewhere.energy_terms(elsewhere.positions)["restraints"]) > 1
    there, here = elsewhere.restraints.reference, at_start.restraints.reference
    assert rmsd_to_each(there, here[None])[0] < 1e-12  # the native structure, laid on the start
    assert np.linalg.norm(there - here, axis=1).max() > 0.1


def test_native_restraints_know_no_frame(monkeypatch):
    """A start that is the native structure, turned and moved, strains no restraint."""
    native = tripeptide()
    turned = np.roll(native.positions - native.positions.mean(axis=0), 1, axis=1)
    monkeypatch.setattr("nnrep.systems.protein._start", lambda *_: turned)
    system = system_of(start="extended", restraints="heavy", restraint_reference="native")
    assert float(system.energy_terms(system.positions)["restraints"]) < 1e-12
    frozen = system_of(
        start="extended", restraints="heavy", restraint_reference="native", frozen="//*/1/N,CA,C"
    )
    assert float(frozen.energy_terms(frozen.positions)["restraints"]) < 1e-12


def test_reported_terms_are_in_double_precision():
    jax.config.update("jax_enable_x64", False)
    system = system_of(restraints="heavy")
    assert system.exact is not None
    result = nnrep.minimize(system, optimizer=nnrep.lbfgs(), max_steps=10)
    with jax.enable_x64(True):
        terms = system.exact.terms_of_positions()(system.from_file_frame(result.positions[0]))
        assert sum(map(float, terms.values())) == pytest.approx(result.energy[0], rel=1e-12)
    assert result.energy[0] < result.energy_start[0]


def test_restraints_are_energies_of_their_own_and_of_any_dimension():
    def energy(x):
        return jnp.sum(x**4)

    plane = nnrep.System(energy=energy, positions=np.ones((5, 2)))
    held = nnrep.systems.system.with_energy(plane, positional_restraints(np.ones((5, 2)), 1e4))
    result = nnrep.minimize(held, optimizer=nnrep.lbfgs(), max_steps=200)
    np.testing.assert_allclose(result.positions[0], 1, atol=1e-3)
    np.testing.assert_allclose(result.positions[0], 1 - 4 / 1e4, atol=1e-6)


def test_an_energy_that_is_added_leaves_frozen_particles_where_another_start_has_them():
    def springs_to_the_first(x):
        return jnp.sum((x - x[0]) ** 2)

    frozen = nnrep.System(
        energy=springs_to_the_first, positions=np.zeros((3, 2)), frozen=[True, False, False]
    )
    both = nnrep.systems.system.with_energy(frozen, positional_restraints(np.zeros((3, 2)), 1e-6))
    elsewhere = replace(both, positions=jnp.ones((3, 2)))
    result = nnrep.minimize(elsewhere, optimizer=nnrep.lbfgs(), max_steps=50)
    np.testing.assert_allclose(result.positions[0], 1, atol=1e-4)
    free = replace(both, frozen=None)
    assert float(free.energy(jnp.eye(3, 2))) == pytest.approx(3.0, abs=1e-4)


# Frozen atoms.

CHOICES = [{"name": name} for name in MAPS if name not in ("gnn", "egnn")]  # egnn is for loops
CHOICES += [{"name": "gnn", "fit": {"max_steps": 20}}, {"name": "gnn", "graph": "slow_modes"}]
CHOICES += [{"name": "cg", "modes_of": "hessian"}, {"name": "cg", "modes_at": "stage"}]
CHOICES += [{"name": "spectral", "modes_of": "hessian"}, {"name": "spectral", "modes_of": "graph"}]


def run_through(system, choice, optimizer=None, seeds=2, max_steps=20):
    given = {key: value for key, value in choice.items() if not key.startswith("modes_")}
    of = {key.removeprefix("modes_"): value for key, value in choice.items() if key.startswith("modes_")}
    modes, config = build(ModesConfig, of), build(MAPS[choice["name"]], given)
    made = built_map(system, config, modes, 7 if config.needs_modes else None, {"choice": str(choice)})
    stopping = nnrep.Stopping(check_every=5)
    options = {"fit": config.fitting, "stopping": stopping, "optimizer": optimizer}
    return nnrep.minimize(system, nnrep.two_stages(made.reparam, **options), seeds=seeds, max_steps=max_steps)


def check_frozen(result, system):
    for place in range(len(result.seeds)):
        moved = result.positions[place] - result.positions_start[place]
        np.testing.assert_array_equal(moved[system.frozen], 0)
        assert np.all(np.any(moved[~system.frozen] != 0, axis=1))
        start = system.in_file_frame(np.asarray(system.positions)[: system.n])
        np.testing.assert_array_equal(result.positions[place][system.frozen], start[system.frozen])
        if result.positions_coarse is not None:
            np.testing.assert_array_equal(result.positions_coarse[place][system.frozen], start[system.frozen])


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())))
def test_frozen_atoms_never_move_on_any_map(choice):
    system = system_of(padded=True, frozen="backbone", perturbation=0.1)
    result = run_through(system, choice)
    check_frozen(result, system)
    assert np.all(np.isfinite(result.energy))


@pytest.mark.parametrize("optimizer", [nnrep.adam(1e-4), nnrep.sgd(1e-6), nnrep.lbfgs(), nnrep.fire(1e-3)])
def test_frozen_atoms_never_move_by_any_optimiser_and_the_energy_falls(optimizer):
    system = system_of(frozen="1-2")
    result = run_through(system, {"name": "none"}, optimizer, seeds=1)
    check_frozen(result, system)
    assert np.all(result.energy < result.energy_start)


def test_forces_and_hessian_have_no_part_of_frozen_atoms():
    free, system = system_of(), system_of(frozen="heavy")
    x = np.asarray(away(free, 0.003))
    where = np.where(system.frozen[:, None], system.positions, x)
    gradient = np.asarray(jax.grad(system.energy)(x))
    np.testing.assert_array_equal(gradient[system.frozen], 0)
    expected = np.asarray(jax.grad(free.energy)(where))
    np.testing.assert_allclose(gradient[~system.frozen], expected[~system.frozen])
    moving = np.repeat(~system.frozen, 3)
    whole = np.asarray(hessian_by_products(free.energy, where))
    for hessian in (hessian_of(system), Partial(hessian_by_products, system.energy)):
        matrix = np.asarray(jax.jit(hessian)(where))
        np.testing.assert_array_equal(matrix[~moving], 0)
        np.testing.assert_array_equal(matrix[:, ~moving], 0)
        of_free = whole[np.ix_(moving, moving)]
        np.testing.assert_allclose(matrix[np.ix_(moving, moving)], of_free, atol=1e-9 * abs(whole).max())


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
def test_rms_force_is_that_of_free_atoms(padded):
    system = system_of(padded, frozen="heavy")
    result = nnrep.minimize(system, max_steps=0)
    gradient = np.asarray(jax.grad(system_of().energy)(system.positions[: system.n]))
    rms = np.sqrt(np.mean(gradient[~system.frozen] ** 2))
    assert result.gradient_rms[0] == pytest.approx(rms, rel=1e-9)
    for share, evaluations in ((0.999, 1), (1.001, 1)):
        stages = nnrep.two_stages(stopping=nnrep.Stopping(rms_force=share * rms))
        ended = nnrep.minimize(system, stages, max_steps=1)
        assert ended.evaluations[0] == evaluations
        assert (ended.status[0] is nnrep.Status.converged) == (share > 1)


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
@pytest.mark.parametrize("of", ModesOf)
def test_modes_are_of_free_atoms_alone(of, padded):
    system = system_of(padded, frozen="backbone")
    modes = nnrep.slow_modes(system, 8, of=of)
    vectors = np.asarray(modes.vectors)
    dim = 3 if of is ModesOf.hessian else 1
    assert len(vectors) == dim * system.n
    np.testing.assert_array_equal(vectors[np.repeat(system.frozen, dim)], 0)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-9)
    if of is ModesOf.hessian:
        moving = np.repeat(~system.frozen, 3)
        whole = np.asarray(hessian_by_products(system_of().energy, system.positions[: system.n]))
        values = np.linalg.eigvalsh(whole[np.ix_(moving, moving)])
        np.testing.assert_allclose(modes.values, values[:8], atol=1e-6)
    else:
        assert float(modes.values[0]) == pytest.approx(0, abs=1e-6)
    if of is not ModesOf.graph:
        at = modes_here(system, 8, of, ModesConfig().backbone)
        here, _ = jax.jit(lambda modes, x: modes(x))(at, system.positions)
        moves = np.repeat(system.particles > 0, dim)
        np.testing.assert_allclose(np.asarray(here)[~moves], 0, atol=1e-12)


def test_there_are_as_many_modes_as_free_atoms():
    system = system_of(frozen="heavy")
    assert nnrep.slow_modes(system, system.n_free).values.size == system.n_free
    fails(lambda: nnrep.slow_modes(system, system.n_free + 1), "k: must be a count from 1 to n")


def test_seeds_draw_starts_of_free_atoms_alone():
    system = system_of(frozen="ca", perturbation=0.5)
    starts = np.stack([system.start(seed) for seed in range(3)])
    assert np.ptp(starts[:, system.frozen], axis=0).max() == 0
    native = tripeptide().positions - tripeptide().positions.mean(axis=0)
    np.testing.assert_allclose(starts[0][system.frozen], native[system.frozen])
    assert np.ptp(starts[:, ~system.frozen], axis=0).min() > 0
    drawn = system.draw_configuration(jax.random.key(0), jnp.zeros(()))
    np.testing.assert_array_equal(drawn[system.frozen], system.positions[system.frozen])


def test_any_system_can_have_frozen_particles():
    def energy(x, p):
        return p * jnp.sum((jnp.linalg.norm(jnp.diff(x, axis=0), axis=1) - 1) ** 2)

    start = np.random.default_rng(0).normal(size=(12, 2))
    frozen = np.arange(12) % 4 == 0
    system = nnrep.System(energy=energy, positions=start, frozen=frozen, parameters=2.0)
    # Of five modes one of the three segments has but one, on which its particles coincide.
    result = nnrep.minimize(system, nnrep.reparam.linear(nnrep.slow_modes(system, k=8)), max_steps=400)
    np.testing.assert_array_equal(result.positions[0][frozen], system.positions[frozen])
    assert result.energy[0] < 0.1 * result.energy_start[0]
    doubled = replace(system, parameters=4.0)
    assert float(doubled.energy(start + 1)) == pytest.approx(2 * float(system.energy(start + 1)))
    released = replace(system, frozen=None)
    assert released.pins is None
    assert np.all(np.any(np.asarray(jax.grad(released.energy)(start)) != 0, axis=1))
    elsewhere = replace(system, positions=start + 3.0)
    moved = nnrep.minimize(elsewhere, max_steps=20).positions[0]
    np.testing.assert_array_equal(moved[frozen], elsewhere.positions[frozen])


@pytest.mark.parametrize(
    ("frozen", "part"),
    [
        (np.ones(4, bool), "all 4 particles"),
        (np.zeros(3, bool), "shape (3,)"),
        (np.array([0, 1]), "True or False for each of 4 particles"),
    ],
)
def test_what_is_no_mask_is_refused(frozen, part):
    with pytest.raises(ConfigError, match="frozen: must be") as caught:
        nnrep.System(energy=lambda x: jnp.sum(x**2), positions=np.ones((4, 3)), frozen=frozen)
    assert part in str(caught.value)


# Programs and names.


def test_another_selection_shares_all_programs():
    first, second = (system_of(True, frozen=frozen, restraints="ca") for frozen in ("backbone", "1-2"))
    run_through(first, {"name": "cholesky"})
    with counted() as compiled:
        run_through(second, {"name": "cholesky"})
    assert compiled == []


def config(**settings):
    return build(ProteinConfig, {"name": "protein", **settings})


def test_runs_without_them_are_called_as_they_were():
    keys = {"frozen", "restraints", "restraint_strength", "restraint_reference"}
    assert not keys & set(plain_form(config()))
    assert set(plain_form(config(restraints="ca"))) & keys == keys - {"frozen"}
    assert set(plain_form(config(frozen="ca"))) & keys == {"frozen"}


def test_hashes_have_them():
    several = [
        config(),
        config(frozen="ca"),
        config(restraints="ca"),
        config(restraints="heavy"),
        config(restraints="ca", restraint_strength=100),
        config(restraints="ca", restraint_reference="native"),
        config(frozen=["ca", "1-2"]),
    ]
    assert len({hash_of(one) for one in several}) == len(several)


# OpenMM's engines.

EXACT = MinimizerConfig(platform="Reference", tolerance=1.0)


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
def test_openmm_minimises_the_same_energy_with_the_same_atoms_frozen(platform):
    system = system_of(frozen="backbone", restraints="heavy", restraint_strength=1000)
    settings = replace(EXACT, platform=platform)
    result = run_baseline(system, tripeptide(), settings, seeds=(0,))
    check_frozen(result, system)
    assert result.status[0] is nnrep.Status.converged
    assert result.gradient_rms[0] <= 1.1
    of_openmm = result.history["openmm_energy"].to_numpy()[-1]
    assert of_openmm == pytest.approx(result.energy[0], rel=1e-6 if platform == "CPU" else 1e-9)
    ours = nnrep.minimize(system, optimizer=nnrep.lbfgs(), max_steps=2000)
    assert ours.energy[0] == pytest.approx(result.energy[0], abs=1.0)


def test_openmm_simulates_with_atoms_frozen():
    system = system_of(frozen="backbone", restraints="heavy", restraint_strength=1000)
    settings = DynamicsConfig(steps=60, record_every=20, threads=1, timestep_fs=1.0)
    result = run_baseline(system, tripeptide(), settings, seeds=(0,))
    check_frozen(result, system)
    assert result.status[0] is nnrep.Status.finished


AWAY = np.array([10.0, -4.0, 7.0])


def test_an_added_restraint_keeps_the_rows_of_all_pairs():
    """Listed instead, they would take memory as n squared."""
    peptide = system_of(force_field="amber14")
    start = np.asarray(peptide.positions)
    restrained = nnrep.systems.system.with_energy(peptide, positional_restraints(start, 50.0))
    assert peptide.pair_rows is not None
    assert restrained.pair_rows is not None
    found = hessian_of(restrained)(restrained.positions)
    np.testing.assert_allclose(found, hessian_by_products(restrained.energy, start), rtol=1e-6, atol=1e-4)


def chain_away(held):
    """Twelve particles in a chain far from the origin, the last two of which are held."""
    start = np.random.default_rng(0).normal(size=(12, 3)) + AWAY

    def energy(x):
        return jnp.sum((x[1:] - x[:-1]) ** 2)

    edges = np.stack([np.arange(11), np.arange(1, 12)], axis=1)
    chain = nnrep.System(energy=energy, positions=start, edges=edges)
    if held == "frozen":
        return replace(chain, frozen=np.arange(12) >= 10)
    strength = np.where(np.arange(12) >= 10, 1.0, 0.0)
    restrained = nnrep.systems.system.with_energy(chain, positional_restraints(start, strength))
    return replace(restrained, restraints=Restraints(start, strength))


@pytest.mark.parametrize("held", ["frozen", "restrained"])
@pytest.mark.parametrize(
    "choice",
    [
        {"name": "cg"},
        {"name": "cg", "modes_at": "stage"},
        {"name": "gnn"},
        {"name": "gnn", "graph": "bonds"},
        {"name": "gnn", "modes_at": "stage"},
    ],
    ids=lambda choice: "-".join(map(str, choice.values())),
)
def test_maps_begin_where_the_particles_are_that_are_held_by_others(choice, held):
    system = chain_away(held)
    result = run_through(system, choice, seeds=2, max_steps=0)
    free, wanted = result.positions_start[:, system.free], np.asarray(system.positions)[system.free]
    np.testing.assert_allclose(free.mean(axis=1), [wanted.mean(axis=0)] * 2, atol=1e-9)
    spread = np.sqrt(np.mean((free - free.mean(axis=1, keepdims=True)) ** 2, axis=(1, 2)))
    np.testing.assert_allclose(spread, np.sqrt(np.mean((wanted - wanted.mean(axis=0)) ** 2)), rtol=1e-9)
