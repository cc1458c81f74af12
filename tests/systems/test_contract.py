"""What every registered force field and solvent, and every sum of energies, must do."""

from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from given_molecules import system_xml, write
from jax.tree_util import Partial
from scipy.spatial.transform import Rotation
from structure_texts import tripeptide

import nnrep
from nnrep.energies.energy import Energy
from nnrep.energies.generalized_born import fixed_radii
from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.sum import energy_sum, with_gradient
from nnrep.modes.assembled import hessian_of
from nnrep.modes.hessian import hessian_by_products
from nnrep.structures.force_field import vacuum_system
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.solvents.registry import SOLVENTS
from nnrep.systems.solvents.solvent import SolventOptions
from nnrep.systems.system import with_energy


def _springs(strength, x):
    """Between the first atom and all others."""
    return strength * jnp.sum((x[1:] - x[0]) ** 2)


def _spring_terms(strength, x):
    return {"springs": _springs(strength, x)}


def _spring_couplings(strength):
    others = np.arange(1, tripeptide().n)
    return (PairTerm(np.stack([np.zeros_like(others), others], axis=1), strength, jnp.positive),)


def springs(blocks=True):
    strength = jnp.asarray(50.0)
    if not blocks:
        return Energy(strength, with_gradient(_springs), _spring_terms)
    return Energy(strength, with_gradient(_springs), _spring_terms, _spring_couplings, lambda strength: ())


def of_force_field(name):
    return protein_system(ProteinConfig(force_field=name), tripeptide())


def of_engine(file):
    peptide = tripeptide()
    with TemporaryDirectory() as folder:
        files = {
            "topology": write(Path(folder), "system.xml", system_xml(peptide, file)),
            "coordinates": write(Path(folder), "x.pdb", peptide.pdb),
        }
        return nnrep.load_system("molecule", **files)


def in_solvent(name):
    """With salt, which has a code of its own."""
    options = SolventOptions(kappa=0.5)
    return protein_system(ProteinConfig(solvent=name, solvent_options=options), tripeptide())


SOLVATED = [name for name in SOLVENTS if SOLVENTS[name].build is not None]
SYSTEMS = {name: lambda name=name: of_force_field(name) for name in FORCE_FIELDS}
SYSTEMS |= {name: lambda name=name: in_solvent(name) for name in SOLVATED}
SYSTEMS |= {
    "molecule": lambda: of_engine("charmm36.xml"),  # Urey-Bradley, impropers, CMAP, pairs of their own
    "amber14 + springs": lambda: with_energy(of_force_field("amber14"), springs()),
    "classical + springs without blocks": lambda: with_energy(of_force_field("classical"), springs(False)),
}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request):
    jax.config.update("jax_enable_x64", True)
    return SYSTEMS[request.param]()


@pytest.fixture
def positions(system):
    return system.positions + 0.003 * jax.random.normal(jax.random.key(1), system.positions.shape)


def test_a_step_along_the_force_changes_the_energy_as_the_force_says(system, positions):
    energy, gradient = jax.value_and_grad(system.energy)(positions)
    h = 1e-4 / float(jnp.linalg.norm(gradient))
    change = system.energy(positions - h * gradient) - system.energy(positions + h * gradient)
    assert float(change) == pytest.approx(-2 * h * float(jnp.sum(gradient**2)), rel=1e-5)
    assert system.energy(positions - 0.1 * h * gradient) < energy


def test_terms_sum_to_the_energy(system, positions):
    total = sum(float(value) for value in system.energy_terms(positions).values())
    assert float(system.energy(positions)) == pytest.approx(total, rel=1e-10)


def test_rigid_motions_change_nothing(system, positions):
    turn = jnp.asarray(Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix())
    moved = positions @ turn.T + jnp.asarray([1.0, -2.0, 0.5])
    energy, gradient = jax.value_and_grad(system.energy)(positions)
    elsewhere, turned = jax.value_and_grad(system.energy)(moved)
    assert float(elsewhere) == pytest.approx(float(energy), rel=1e-9)
    np.testing.assert_allclose(turned, gradient @ turn.T, atol=1e-7 * float(abs(gradient).max()))


def test_energies_are_bounded_as_they_say():
    """Atoms that meet gain little; of point charges no bound is known, with whatever restraint."""
    bounded = {name for name in FORCE_FIELDS if of_force_field(name).bounded}
    assert bounded == {"classical"}
    system = of_force_field("classical")
    assert with_energy(system, springs()._replace(bounded=True)).bounded
    assert not with_energy(system, springs()).bounded
    assert not with_energy(of_force_field("amber14"), springs()._replace(bounded=True)).bounded
    energy = jax.jit(system.energy)
    for i, j in np.random.default_rng(0).integers(system.n, size=(50, 2)):
        met = system.positions.at[i].set(system.positions[j] + 1e-6)
        assert energy(met) > energy(system.positions) - 1000


def test_blocks_of_the_hessian_are_those_of_the_dense_one(request, system, positions):
    """In a solvent those of its pairs alone, with the radii that the atoms have there."""
    energy = system.energy
    if request.node.callspec.params["system"] in SOLVATED:
        _, solvent = system.energy.args[0]
        fixed = fixed_radii(solvent, positions)
        energy = Partial(_with_fixed_radii, of_force_field("amber14").energy, fixed)
    dense = np.asarray(hessian_by_products(energy, positions))
    assembled = np.asarray(hessian_of(system)(positions))
    np.testing.assert_allclose(assembled, dense, atol=1e-8 * abs(dense).max())


def _with_fixed_radii(vacuum, fixed, x):
    i, j = np.triu_indices(len(x), 1)
    c = fixed.born[i] * fixed.born[j]
    square = jnp.sum((x[i] - x[j]) ** 2, axis=1)
    f = jnp.sqrt(square + c * jnp.exp(-square / (4 * c)))
    solute, solvent, kappa = fixed.dielectric
    screened = (solute - solvent * jnp.exp(-kappa * f)) / f
    return vacuum(x) - jnp.sum(fixed.charge[i] * fixed.charge[j] * screened)


@pytest.mark.parametrize("name", SOLVATED)
def test_a_solvent_adds_its_terms_to_those_of_the_force_field(name):
    system = in_solvent(name)
    assert set(system.energy_terms(system.positions)) == {
        *FORCE_FIELDS["amber14"].terms,
        *SOLVENTS[name].terms,
    }


@pytest.mark.parametrize("name", FORCE_FIELDS)
def test_a_force_field_names_its_terms(name):
    system = of_force_field(name)
    assert set(system.energy_terms(system.positions)) == set(FORCE_FIELDS[name].terms)


def test_a_sum_of_energies_is_an_energy():
    molecule = tripeptide()
    amber = FORCE_FIELDS["amber14"].build(molecule.topology, vacuum_system(molecule.topology), None)
    x = jnp.asarray(molecule.positions)
    total, parts = energy_sum(amber, springs()), (amber, springs())
    assert total.has_blocks
    assert not energy_sum(amber, springs(False)).has_blocks
    energies = [float(part.of_positions()(x)) for part in parts]
    assert float(total.of_positions()(x)) == pytest.approx(sum(energies), rel=1e-12)
    gradients = [jax.grad(part.of_positions())(x) for part in parts]
    np.testing.assert_allclose(jax.grad(total.of_positions())(x), sum(gradients), rtol=1e-12)
    assert set(total.terms_of_positions()(x)) == {*FORCE_FIELDS["amber14"].terms, "springs"}
    twice = energy_sum(springs(), springs()).terms_of_positions()(x)
    assert float(twice["springs"]) == pytest.approx(2 * energies[1])
    assert isinstance(total.local_terms(total.parameters)[0], LocalTerm)


@pytest.mark.parametrize("repulsion", ["sampled", "exact"])
def test_an_energy_can_be_added_to_any_system(repulsion):
    loop = nnrep.load_system("loop", n=30, repulsion=repulsion)
    stiff = Energy(jnp.asarray(2.0), with_gradient(_springs), _spring_terms)
    both = with_energy(loop, stiff)
    x = loop.positions
    assert float(both.energy(x)) == pytest.approx(float(loop.energy(x) + _springs(2.0, x)))
    assert set(both.energy_terms(x)) == {"system", "springs"}
    result = nnrep.minimize(both, optimizer=nnrep.adam(1e-2), max_steps=400)
    assert result.energy[0] < result.energy_start[0]


def test_energies_that_jax_cannot_take_are_refused_in_one_line():
    for energy, message in (
        (lambda x: np.sum(np.sin(x)), r"^energy: must be written with jax.numpy"),
        (lambda x: float(jnp.sum(x)), r"^energy: must be written with jax.numpy"),
        (lambda x, y: jnp.sum(x), r"^energy: must be a function of positions \(n, d\), got one"),
    ):
        with pytest.raises(nnrep.errors.ConfigError, match=message) as caught:
            nnrep.System(energy=energy, positions=np.zeros((3, 2)))
        assert "\n" not in str(caught.value)


def test_maps_of_plain_functions():
    system = nnrep.load_system("loop", n=20)

    def init(key, positions):
        return positions / 2

    def decode(params):
        return 2 * params

    plain = nnrep.reparam.Reparametrization(init, decode)
    result = nnrep.minimize(system, plain, seeds=2, max_steps=100)
    assert (result.energy < result.energy_start).all()
    for broken, message in (
        (nnrep.reparam.Reparametrization(init, lambda params: np.sin(params)), "written with jax.numpy"),
        (nnrep.reparam.Reparametrization(lambda x: x, decode), "must be two functions"),
        (nnrep.reparam.Reparametrization(init, lambda params: params[0]), "a map to positions of shape"),
        (nnrep.reparam.Reparametrization(init, 3), r"reparam\.decode: must be a function"),
    ):
        with pytest.raises(nnrep.errors.ConfigError, match=message):
            nnrep.minimize(system, broken)
