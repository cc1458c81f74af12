"""The classical energy of the paper's appendix A, against its formula written out pair by pair."""

from functools import cache

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from openmm import app, unit
from pair_sum import pair_energy
from structure_texts import tripeptide

import nnrep
from nnrep.energies.classical import (
    ClassicalParameters,
    classical_energy_and_gradient,
    classical_terms,
    coupling_terms,
    local_terms,
    no_torsions,
)
from nnrep.energies.local import local_energy
from nnrep.energies.pairwise import soft_6_4, soft_12_6
from nnrep.energies.planes import planes_of
from nnrep.energies.soft_pairs import SoftAtoms, SoftTable, soft_energy_and_gradient, whole_table
from nnrep.energies.with_gradient import energy_with
from nnrep.errors import ConfigError
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.residues import AMINO_ACIDS
from nnrep.systems.force_fields.classical import (
    ClassicalConfig,
    HydrophobicScale,
    classical_parameters,
    hydrophobic_residues,
    soft_atoms,
)
from nnrep.systems.protein import ProteinConfig, Start, protein_system

classical_energy = energy_with(classical_energy_and_gradient)

RADII = {"H": 1.2, "C": 1.7, "N": 1.55, "O": 1.52, "S": 1.8}
KYTE_DOOLITTLE = {"ALA", "CYS", "ILE", "LEU", "MET", "PHE", "VAL"}


@cache
def embedded() -> Molecule:
    return ProteinConfig().molecule([])


def parameters_of(molecule: Molecule, **choices) -> ClassicalParameters:
    config = ClassicalConfig(**choices)
    return classical_parameters(molecule.topology, vacuum_system(molecule.topology), config)


def shaken(molecule: Molecule, scale: float = 0.02, seed: int = 0) -> np.ndarray:
    """Positions (n, 3) in nm, off every symmetry."""
    return molecule.positions + scale * np.random.default_rng(seed).normal(size=(molecule.n, 3))


@jax.jit
def terms_of(parameters, x):
    return classical_terms(parameters, x)


@jax.jit
def energy_of(parameters, x):
    return classical_energy(parameters, x)


@jax.jit
def gradient_of(parameters, x):
    return jax.grad(classical_energy, argnums=1)(parameters, x)


def soft(p: int, q: int, x: float, zeta: float) -> float:
    return 1 / (x**p + zeta) - 1 / (x**q + zeta)


def expected_terms(molecule: Molecule, x: np.ndarray, config: ClassicalConfig) -> dict[str, float]:
    """The formula, in Angstrom where the paper is; neighbours are found by walking along bonds."""
    atoms = list(molecule.topology.atoms())
    element = [atom.element.symbol for atom in atoms]
    near = {atom.index: set() for atom in atoms}
    for one, other in molecule.topology.bonds():
        near[one.index].add(other.index)
        near[other.index].add(one.index)
    donor = [element[i] == "H" and any(element[k] in "NO" for k in near[i]) for i in near]
    greasy = [atom.residue.name in KYTE_DOOLITTLE for atom in atoms]
    terms = dict.fromkeys(("bonds", "angles", "van_der_waals", "hydrogen_bonds", "hydrophobic"), 0.0)
    zeta = config.softening
    for i in range(len(atoms)):
        for j in range(i):
            second = j in near[i] or near[i] & near[j]
            if config.exclude_neighbours and second:
                continue
            r = 10 * np.linalg.norm(x[i] - x[j])
            s = RADII[element[i]] + RADII[element[j]]
            terms["van_der_waals"] += config.van_der_waals_strength * soft(12, 6, r / s, zeta)
            if (donor[i] and element[j] == "O") or (donor[j] and element[i] == "O"):
                s = config.hydrogen_bond_length
                terms["hydrogen_bonds"] += config.hydrogen_bond_strength * soft(6, 4, r / s, zeta)
            s = config.hydrophobic_radius * (greasy[i] + greasy[j])
            if s > 0:
                terms["hydrophobic"] += config.hydrophobic_strength * soft(6, 4, r / s, zeta)
    bonded = expected_bonded(molecule, x, config)
    return terms | bonded


def expected_bonded(molecule: Molecule, x: np.ndarray, config: ClassicalConfig) -> dict[str, float]:
    """With the lengths and angles of OpenMM's system."""
    system = vacuum_system(molecule.topology)
    forces = {type(force).__name__: force for force in system.getForces()}
    stretch, bend = forces["HarmonicBondForce"], forces["HarmonicAngleForce"]
    bonds = angles = 0.0
    for k in range(stretch.getNumBonds()):
        i, j, length, _ = stretch.getBondParameters(k)
        r = np.linalg.norm(x[i] - x[j])
        bonds += config.bond_strength * (r - length.value_in_unit(unit.nanometer)) ** 2
    for k in range(bend.getNumAngles()):
        i, j, l, angle, _ = bend.getAngleParameters(k)  # noqa: E741
        a, b = x[i] - x[j], x[l] - x[j]
        theta = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        angles += config.angle_strength * (theta - angle.value_in_unit(unit.radian)) ** 2
    return {"bonds": bonds, "angles": angles}


CHOICES = [
    {},
    {"exclude_neighbours": False},
    {"softening": 0.3, "hydrogen_bond_length": 1.8, "hydrophobic_radius": 2.5},
    {
        "bond_strength": 7.0,
        "angle_strength": 3.0,
        "hydrogen_bond_strength": 2.0,
        "van_der_waals_strength": 9.0,
    },
]


@pytest.mark.parametrize("choices", CHOICES)
def test_every_term_is_the_paper_s_formula(choices):
    molecule, config = tripeptide(), ClassicalConfig(**choices)
    x = shaken(molecule)
    seen = {name: float(term) for name, term in terms_of(parameters_of(molecule, **choices), x).items()}
    assert seen == pytest.approx(expected_terms(molecule, x, config), rel=1e-9)


def test_a_whole_protein_is_the_formula_too():
    x = shaken(embedded(), 0.01)
    seen = {name: float(term) for name, term in terms_of(parameters_of(embedded()), x).items()}
    assert seen == pytest.approx(expected_terms(embedded(), x, ClassicalConfig()), rel=1e-9)


@given(st.floats(0.0, 6.0), st.floats(0.05, 2.0))
def test_soft_potentials_are_the_formula_and_finite(x, zeta):
    for function, p, q in ((soft_12_6, 12, 6), (soft_6_4, 6, 4)):
        assert float(function(jnp.asarray(x**2), zeta)) == pytest.approx(soft(p, q, x, zeta), abs=1e-12)
        assert np.isfinite(float(jax.grad(function)(x**2, zeta)))


def test_soft_potentials_vanish_at_zero_and_one_and_attract_beyond():
    for function, place, depth in ((soft_12_6, 1.1727, -0.17274), (soft_6_4, 1.3240, -0.10295)):
        at = jax.jit(lambda x, function=function: function(x**2, 0.65))
        assert float(at(0.0)) == 0
        assert float(at(1.0)) == pytest.approx(0, abs=1e-15)
        x = jnp.linspace(0.0, 4.0, 400_001)
        values = jax.vmap(at)(x)
        assert float(x[jnp.argmin(values)]) == pytest.approx(place, abs=1e-4)
        assert float(values.min()) == pytest.approx(depth, abs=1e-5)
        assert float(at(1.5)) < float(at(5.0)) < 0 < float(at(0.8))


def test_the_gradient_is_that_of_finite_differences():
    molecule = tripeptide()
    parameters, x = parameters_of(molecule), shaken(molecule)
    gradient = np.asarray(gradient_of(parameters, x))
    rng, step = np.random.default_rng(1), 1e-6
    for _ in range(5):
        direction = rng.normal(size=x.shape)
        up, down = (float(energy_of(parameters, x + sign * step * direction)) for sign in (1, -1))
        assert np.vdot(gradient, direction) == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_energy_is_the_sum_of_its_terms_in_all_forms():
    molecule = tripeptide()
    parameters, x = parameters_of(molecule), jnp.asarray(shaken(molecule))
    expected = float(sum(terms_of(parameters, x).values()))
    value, gradient = jax.jit(classical_energy_and_gradient)(parameters, x)
    assert float(value) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, gradient_of(parameters, x), rtol=1e-12)
    blocks = jax.jit(
        lambda x: (
            pair_energy(coupling_terms(parameters), x)
            + sum(local_energy(term, x) for term in local_terms(parameters))
        )
    )
    assert float(blocks(x)) == pytest.approx(expected, rel=1e-10)


@given(st.integers(0, 2**31 - 1))
def test_moving_all_atoms_together_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    molecule = tripeptide()
    parameters, x = parameters_cached(), shaken(molecule, 0.05, seed)
    moved = x @ rotation + rng.normal(size=3)
    assert float(energy_of(parameters, moved)) == pytest.approx(float(energy_of(parameters, x)), rel=1e-9)
    np.testing.assert_allclose(
        gradient_of(parameters, moved), gradient_of(parameters, x) @ rotation, rtol=1e-6, atol=1e-5
    )


@cache
def parameters_cached() -> ClassicalParameters:
    return parameters_of(tripeptide())


def in_precision(parameters: ClassicalParameters, dtype) -> ClassicalParameters:
    def cast(leaf):
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, parameters)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_atoms_on_one_another_and_far_apart_are_no_trouble(dtype):
    parameters = in_precision(parameters_cached(), dtype)
    shape = tripeptide().positions.shape
    energy, gradient = jax.jit(soft_energy_and_gradient)(parameters.soft, jnp.zeros(shape[::-1], dtype))
    assert float(energy) == 0
    np.testing.assert_array_equal(gradient, 0)
    far = jnp.asarray(200 * np.random.default_rng(0).normal(size=shape), dtype)
    assert np.isfinite(float(energy_of(parameters, far)))
    assert np.isfinite(np.asarray(gradient_of(parameters, far))).all()


def test_large_molecules_have_no_table(monkeypatch):
    count = tripeptide().n
    monkeypatch.setattr("nnrep.systems.force_fields.classical.MAX_TABLE_ATOMS", count)
    small = parameters_of(tripeptide())
    monkeypatch.setattr("nnrep.systems.force_fields.classical.MAX_TABLE_ATOMS", count - 1)
    large = parameters_of(tripeptide())
    assert isinstance(small.soft.pairs, SoftTable)
    assert isinstance(large.soft.pairs, SoftAtoms)
    x = shaken(tripeptide())
    for one, other in zip(whole_table(large.soft.pairs), small.soft.pairs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert float(energy_of(large, x)) == pytest.approx(float(energy_of(small, x)), rel=1e-12)
    np.testing.assert_allclose(gradient_of(large, x), gradient_of(small, x), rtol=1e-9, atol=1e-9)
    for name, term in terms_of(small, x).items():
        assert float(terms_of(large, x)[name]) == pytest.approx(float(term), rel=1e-12)


def test_strengths_and_lengths_are_traced():
    x = shaken(tripeptide())
    energy_of.clear_cache()
    values = [
        float(energy_of(parameters_of(tripeptide(), **choices), x))
        for choices in CHOICES
        if "exclude_neighbours" not in choices
    ]
    assert len(set(values)) == len(values)
    assert energy_of._cache_size() == 1


def test_the_default_strengths_keep_the_order_of_the_bonded_and_the_loose():
    """A bond stretched by 0.1 A, an angle bent by 0.1 rad; depths of a pair."""
    config = ClassicalConfig()
    bond, angle = config.bond_strength * 0.01**2, config.angle_strength * 0.1**2
    assert bond > 5 * angle
    assert angle > 0.4 * 0.10295 * config.hydrogen_bond_strength
    assert config.bond_strength / 100 > 5 * config.angle_strength  # in Angstrom and rad
    assert config.angle_strength > 4 * config.hydrogen_bond_strength
    assert config.hydrogen_bond_strength > 2 * config.hydrophobic_strength
    assert config.hydrophobic_strength > 2 * config.van_der_waals_strength > 0
    assert 0.10295 * config.hydrophobic_strength > 0.17274 * config.van_der_waals_strength


def test_hydrogen_bonds_are_of_hydrogens_on_nitrogen_and_oxygen_with_oxygens():
    atoms = soft_atoms(tripeptide().topology, ClassicalConfig())
    named = [f"{atom.residue.name}.{atom.name}" for atom in tripeptide().topology.atoms()]
    donors = {name for name, flag in zip(named, atoms.donor, strict=True) if flag}
    acceptors = {name for name, flag in zip(named, atoms.acceptor, strict=True) if flag}
    # Asn-Leu-Tyr: the charged N terminus, the amide of Asn, two backbone amides, the phenol.
    ends = {"ASN.H", "ASN.H2", "ASN.H3", "ASN.HD21", "ASN.HD22"}
    assert donors == ends | {"LEU.H", "TYR.H", "TYR.HH"}
    assert acceptors == {"ASN.O", "ASN.OD1", "LEU.O", "TYR.O", "TYR.OXT", "TYR.OH"}


def test_hydrophobic_residues_follow_the_scale():
    kyte_doolittle, eisenberg, fauchere = (
        hydrophobic_residues(scale) & {*AMINO_ACIDS}
        for scale in (
            HydrophobicScale.kyte_doolittle,
            HydrophobicScale.eisenberg,
            HydrophobicScale.fauchere_pliska,
        )
    )
    assert kyte_doolittle == KYTE_DOOLITTLE
    assert eisenberg == KYTE_DOOLITTLE | {"GLY", "PRO", "TRP", "TYR"}
    assert {"TRP", "ILE", "PHE"} < fauchere
    assert not any({"ACE", "NME", "NHE"} & hydrophobic_residues(scale) for scale in HydrophobicScale)
    assert {"CYX", "CYM"} < hydrophobic_residues(HydrophobicScale.kyte_doolittle)


def test_a_residue_is_hydrophobic_with_all_its_atoms():
    for scale in HydrophobicScale:
        radius = soft_atoms(
            tripeptide().topology, ClassicalConfig(hydrophobic_scale=scale)
        ).hydrophobic_radius
        greasy = hydrophobic_residues(scale)
        wanted = [0.2 * (atom.residue.name in greasy) for atom in tripeptide().topology.atoms()]
        np.testing.assert_allclose(radius, wanted)


def test_an_element_without_a_radius_is_named():
    topology = app.Topology()
    residue = topology.addResidue("ALA", topology.addChain())
    topology.addAtom("SE", app.element.selenium, residue)
    with pytest.raises(ConfigError, match=r"system\.force_field: .*Se"):
        soft_atoms(topology, ClassicalConfig())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bond_strength", -1.0),
        ("angle_strength", float("nan")),
        ("van_der_waals_strength", float("inf")),
        ("softening", 0.0),
        ("hydrogen_bond_length", -1.5),
        ("hydrophobic_radius", -2.0),
    ],
)
def test_values_out_of_range_are_named(key, value):
    with pytest.raises(ConfigError, match=rf"^{key}: must be"):
        ClassicalConfig(**{key: value})


def test_a_term_can_be_switched_off():
    off = dict.fromkeys(("hydrogen_bond_strength", "hydrophobic_strength", "van_der_waals_strength"), 0.0)
    terms = terms_of(parameters_of(tripeptide(), **off), shaken(tripeptide()))
    assert [float(terms[name]) for name in ("van_der_waals", "hydrogen_bonds", "hydrophobic")] == [0, 0, 0]
    assert float(terms["bonds"]) > 0 < float(terms["angles"])


def test_without_hydrophobic_radius_there_are_no_contacts():
    terms = terms_of(parameters_of(tripeptide(), hydrophobic_radius=0.0), shaken(tripeptide()))
    assert float(terms["hydrophobic"]) == 0


def test_a_chain_minimises_through_linear_modes():
    system = protein_system(ProteinConfig(force_field="classical", start=Start.extended), tripeptide())
    start = float(energy_of(parameters_cached(), system.positions))
    fast, slow = nnrep.adam(1e-2), nnrep.adam(1e-3)
    linear = nnrep.reparam.linear(nnrep.slow_modes(system, k=20))
    stages = nnrep.two_stages(linear, optimizer=slow, coarse_optimizer=fast)
    result = nnrep.minimize(system, stages, max_steps=1000)
    assert result.energy[0] < start - 50
    assert float(energy_of(parameters_cached(), result.positions[0])) == pytest.approx(
        result.energy[0], rel=1e-9
    )


def test_only_angles_have_planes():
    parameters = parameters_cached()
    planes = planes_of(parameters.bonds, parameters.angles, no_torsions(parameters.bonds))
    assert len(planes.triples) == len(parameters.angles.triples)
