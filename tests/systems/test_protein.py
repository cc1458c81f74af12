"""The system of a protein: starts, reference, features, measures."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from openmm import app
from structure_texts import energy, tripeptide

from nnrep.errors import ConfigError
from nnrep.structures.extended import extended
from nnrep.structures.molecule import Molecule
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.measures import radius_of_gyration
from nnrep.systems.molecular import node_features
from nnrep.systems.protein import ProteinConfig, Start, atom_groups, masses, protein_system


@cache
def embedded() -> Molecule:
    return ProteinConfig().molecule([])


@jax.jit
def value(function, positions):
    return function(positions)


def system_of(molecule: Molecule, seed: int = 0, **choices):
    return protein_system(ProteinConfig(**choices), molecule, seed)


def test_the_default_is_the_embedded_trp_cage_as_it_is():
    molecule = embedded()
    system = system_of(molecule)
    assert (system.name, system.n, system.residues) == ("1L2Y", 304, 20)
    assert (system.energy_unit, system.length_unit) == ("kJ/mol", "nm")
    assert system.molecule is molecule
    assert system.draw_start is None
    np.testing.assert_allclose(system.in_file_frame(system.positions), molecule.positions, atol=1e-15)
    np.testing.assert_allclose(np.mean(system.positions, axis=0), 0, atol=1e-15)
    np.testing.assert_array_equal(system.start(3), system.positions)
    assert float(value(system.energy, system.positions)) == pytest.approx(energy(molecule), rel=1e-9)
    bonds = {(first.index, second.index) for first, second in molecule.topology.bonds()}
    assert set(map(tuple, system.edges)) == bonds
    np.testing.assert_array_equal(system.trace, atom_groups(molecule.topology).ca)
    np.testing.assert_array_equal(system.masses, masses(molecule.topology))


@pytest.mark.parametrize("force_field", FORCE_FIELDS)
def test_terms_add_up_to_the_energy(force_field):
    system = system_of(tripeptide(), force_field=force_field)
    terms = value(system.energy_terms, system.positions)
    amber = ("bonds", "angles", "torsions", "lennard_jones", "coulomb")
    classical = ("bonds", "angles", "van_der_waals", "hydrogen_bonds", "hydrophobic")
    assert set(terms) == {*(classical if force_field == "classical" else amber)}
    total = float(value(system.energy, system.positions))
    assert float(sum(terms.values())) == pytest.approx(total, rel=1e-12)


def test_the_uncorrected_force_field_differs_in_its_pairs_only():
    choices = ("amber14", "amber14_uncorrected")
    native, uncorrected = (system_of(tripeptide(), force_field=choice) for choice in choices)
    terms = [value(system.energy_terms, system.positions) for system in (native, uncorrected)]
    for name in ("bonds", "angles", "torsions"):
        assert float(terms[0][name]) == float(terms[1][name])
    assert float(terms[1]["coulomb"]) == 0 != float(terms[0]["coulomb"])
    assert float(terms[1]["lennard_jones"]) > 1000 + float(terms[0]["lennard_jones"])


@pytest.mark.parametrize("start", [Start.native, Start.extended, Start.perturbed])
def test_the_reference_is_native_whatever_the_start(start):
    system = system_of(embedded(), start=start)
    np.testing.assert_allclose(system.in_file_frame(system.reference), embedded().positions, atol=1e-15)
    measured = {name: float(length) for name, length in system.measure(system.positions).items()}
    assert list(measured) == ["rmsd_ca", "rmsd_backbone", "rmsd_all"]
    low, high = {Start.native: (0, 1e-6), Start.perturbed: (0.5, 1.1), Start.extended: (5, 30)}[start]
    assert all(low <= length <= high for length in measured.values()), measured
    for length in system.measure(system.reference).values():
        assert float(length) == pytest.approx(0, abs=1e-6)


def test_the_extended_start_is_the_stretched_chain_for_every_seed():
    first, second = (system_of(embedded(), seed, start=Start.extended) for seed in (0, 1))
    np.testing.assert_array_equal(first.positions, extended(embedded()))
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.start(7), first.positions)


def test_perturbed_starts_are_drawn_for_each_seed():
    noise = 0.2  # A
    systems = [system_of(embedded(), seed, start=Start.perturbed, perturbation=noise) for seed in (0, 0, 1)]
    first, same, other = (np.asarray(system.positions) for system in systems)
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(systems[0].start(1), other)
    native = system_of(embedded()).positions
    moved = [10 * (positions - native) for positions in (first, other)]
    for displacement in moved:
        assert displacement.std() == pytest.approx(noise, rel=0.1)
        assert abs(displacement.mean()) < 0.1 * noise
    assert abs(np.corrcoef(moved[0].ravel(), moved[1].ravel())[0, 1]) < 0.1


def test_random_starts_are_clouds_as_wide_as_the_native_structure():
    native = embedded().positions
    spread = np.sqrt(np.mean((native - native.mean(axis=0)) ** 2))
    systems = [system_of(embedded(), seed, start=Start.random) for seed in (0, 0, 1)]
    first, same, other = (np.asarray(system.positions) for system in systems)
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(systems[0].start(1), other)
    np.testing.assert_array_equal(systems[0].reference, system_of(embedded()).positions)
    for positions in (first, other):
        assert positions.std() == pytest.approx(spread, rel=0.05)
        assert abs(positions.mean()) < 0.1 * spread
        assert abs(np.corrcoef(positions.ravel(), native.ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1
    # Their Hessians are sampled at such clouds too.
    sample = np.asarray(systems[0].draw_configuration(jax.random.key(5), jnp.zeros(())))
    assert sample.std() == pytest.approx(spread, rel=0.05)


def test_noise_adds_to_the_width_of_random_starts():
    wide = system_of(embedded(), start=Start.random, perturbation=10.0).positions
    narrow = system_of(embedded(), start=Start.random).positions
    assert float(jnp.std(wide)) == pytest.approx(np.hypot(1.0, float(jnp.std(narrow))), rel=0.05)


def test_measures_are_in_angstrom():
    """One CA is moved by 3 A; the superposition gives way a little."""
    system = system_of(embedded())
    groups = atom_groups(embedded().topology)
    moved = system.reference.at[groups.ca[10], 2].add(0.3)
    measured = {name: float(length) for name, length in system.measure(moved).items()}
    for name, atoms in groups._asdict().items():
        assert measured[f"rmsd_{name}"] == pytest.approx(3 / np.sqrt(len(atoms)), rel=0.1)
        assert measured[f"rmsd_{name}"] < 3 / np.sqrt(len(atoms))


def test_configurations_scatter_around_the_start():
    system = system_of(embedded(), start=Start.extended)
    drawn = [system.draw_configuration(jax.random.key(seed), 0.5) for seed in (0, 1)]
    for positions in drawn:
        assert 10 * float(jnp.std(positions - system.positions)) == pytest.approx(0.1, rel=0.1)
    assert float(abs(drawn[0] - drawn[1]).max()) > 0


def test_node_features_are_elements_and_scaled_numbers():
    system = system_of(embedded())
    features = np.asarray(system.node_features)
    elements = [atom.element.symbol for atom in embedded().topology.atoms()]
    kinds = sorted(set(elements))
    assert features.shape == (304, len(kinds) + 3)
    one_hot, numbers = features[:, : len(kinds)], features[:, len(kinds) :]
    np.testing.assert_array_equal(one_hot.sum(axis=1), 1)
    assert [kinds[column] for column in one_hot.argmax(axis=1)] == elements
    np.testing.assert_array_equal(numbers.min(axis=0), 0)
    np.testing.assert_array_equal(numbers.max(axis=0), 1)


def topology_of(residues: dict[str, tuple[str, ...]]) -> app.Topology:
    topology = app.Topology()
    chain = topology.addChain()
    for residue, atoms in residues.items():
        added = topology.addResidue(residue, chain)
        for name in atoms:
            topology.addAtom(name, app.Element.getBySymbol(name[0]), added)
    return topology


def test_features_that_all_atoms_share_are_finite():
    """Two hydrogens: neither the element nor any parameter tells them apart."""
    system, pairs = openmm.System(), openmm.NonbondedForce()
    for _ in range(2):
        system.addParticle(1.0)
        pairs.addParticle(0.1, 0.2, 0.3)
    bonded = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    for force in (*bonded, pairs):
        system.addForce(force)
    features = node_features(topology_of({"HHH": ("H1", "H2")}), system)
    np.testing.assert_array_equal(features, [[1, 0, 0, 0]] * 2)


def test_caps_belong_to_no_group_but_all():
    names = {"ACE": ("CH3", "C", "O"), "ALA": ("N", "CA", "CB", "C", "O"), "NME": ("N", "C")}
    groups = atom_groups(topology_of(names))
    assert [values.tolist() for values in groups] == [[4], [3, 4, 6], [*range(10)]]


def test_groups_of_the_trp_cage():
    groups = atom_groups(embedded().topology)
    assert [len(atoms) for atoms in groups] == [20, 60, 304]
    names = np.array([atom.name for atom in embedded().topology.atoms()])
    assert set(names[groups.ca]) == {"CA"}
    assert names[groups.backbone].tolist() == ["N", "CA", "C"] * 20


def test_the_trp_cage_is_compact():
    molecule = embedded()
    weights = masses(molecule.topology)
    assert weights.sum() == pytest.approx(2170, abs=2)  # dalton
    assert radius_of_gyration(molecule.positions, weights) == pytest.approx(0.70, abs=0.03)
    assert radius_of_gyration(extended(molecule), weights) > 1.5


def test_systems_of_one_molecule_share_a_compilation():
    @jax.jit
    def descend(function, positions):
        return positions - 1e-6 * jax.grad(function)(positions)

    for noise in (0.1, 0.2):
        system = system_of(tripeptide(), start=Start.perturbed, perturbation=noise)
        descend(system.energy, system.positions)
    assert descend._cache_size() == 1


@pytest.mark.parametrize("start", [Start.native, Start.extended])
def test_any_start_can_be_perturbed(start):
    plain = system_of(embedded(), start=start)
    assert plain.draw_start is None
    shaken = [system_of(embedded(), seed, start=start, perturbation=0.1) for seed in (0, 1)]
    noise = [10 * (system.positions - plain.positions) for system in shaken]
    assert not np.allclose(*noise)
    for one in noise:
        assert np.std(one) == pytest.approx(0.1, rel=0.1)
    assert (shaken[0].start(1) == shaken[1].positions).all()
    still = system_of(embedded(), start=Start.perturbed, perturbation=0)
    assert (still.start(1) == system_of(embedded()).positions).all()


@pytest.mark.parametrize(
    ("key", "choice"),
    [
        ("perturbation", -0.1),
        ("perturbation", float("nan")),
        ("perturbation", float("inf")),
        ("model", 0),
        ("chain", "A B"),
    ],
)
def test_values_out_of_range_are_named(key, choice):
    with pytest.raises(ConfigError, match=f"{key}: must be") as caught:
        ProteinConfig(**{key: choice})
    assert caught.value.key == key
