"""The map of torsion angles, beside bonds that are turned one after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structure_texts import prepare, text, tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.host.compilation import QUICKLY
from nnrep.reparam import torsion_at_start
from nnrep.reparam.base import with_moved
from nnrep.reparam.bodies import LARGEST_RING, bodies_of
from nnrep.reparam.torsion import peptide_bonds
from nnrep.systems.protein import ProteinConfig, protein_system

KEY = jax.random.key(7)
PHENYL = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1)]  # a ring with one neighbour


def wave(x):
    """An energy that no motion leaves as it is."""
    return jnp.sum(jnp.sin(2 * x) * x[:, ::-1])


def system_of(bonds, positions, **attributes):
    return nnrep.System(wave, positions, edges=np.reshape(bonds, (-1, 2)).astype(int), **attributes)


def protein(molecule=None, padded=False, **settings):
    config = build(ProteinConfig, {"name": "protein", **settings})
    return protein_system(config, molecule or tripeptide(), padded=padded)


@jax.jit
def at(reparam, positions, latent):
    params = reparam.init(KEY, positions)
    return reparam.decode(with_moved(params, latent.astype(params.moved.dtype)))


@jax.jit
def slope_of(reparam, positions, latent):
    return jax.grad(lambda z: wave(at(reparam, positions, z)))(latent)


def moved(reparam, system, latent):
    return np.asarray(at(reparam, system.positions, latent))


def slopes_of(reparam, system, latent):
    return np.asarray(slope_of(reparam, system.positions, jnp.asarray(latent, system.positions.dtype)))


def drawn(reparam, system, seed, scale=2.0):
    shape = jax.eval_shape(reparam.init, KEY, system.positions).moved.shape
    return scale * np.random.default_rng(seed).normal(size=shape)


def about(axis, angle):
    """The matrix of a rotation (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def one_after_another(bonds, positions, latent):
    """Each body's bond turned in the positions as they are by then; outer bonds first, pieces at last."""
    bodies = bodies_of(bonds, len(positions))
    x, count = np.array(positions, float), len(bodies.parent)
    for body in range(count - 1, 0, -1):
        turned = (bodies.body >= body) & (bodies.body <= bodies.last[body])
        i, j = bodies.bond_ends[body]
        place = [*bodies.roots, *(bodies.roots + 1), *(bodies.roots + 2)]
        piece = body in place
        axis = np.eye(3)[place.index(body) // len(bodies.roots)] if piece else x[j] - x[i]
        x[turned] = x[j] + (x[turned] - x[j]) @ about(axis, latent[body]).T
        if body in bodies.roots:
            x[turned] += latent[count:].reshape(-1, 3)[list(bodies.roots).index(body)]
    return x


def unpadded(latent, reparam, bodies):
    """Of a padded latent the numbers that move something, and that of body 0."""
    wide, pieces = reparam.init.args[0].bond_ends.shape[1], len(bodies.roots)
    return np.concatenate([latent[: len(bodies.parent)], latent[wide : wide + 3 * pieces]])


def lengths(x, pairs):
    i, j = np.reshape(pairs, (-1, 2)).astype(int).T
    return np.linalg.norm(x[i] - x[j], axis=1)


def neighbours(bonds, n):
    near = [set() for _ in range(n)]
    for i, j in bonds:
        near[i].add(j)
        near[j].add(i)
    return near


def angles(bonds, n):
    """The ends of all bond angles: with the bonds held, an angle is the distance of its ends."""
    return [(i, k) for near in neighbours(bonds, n) for i in near for k in near if i < k]


@st.composite
def molecules(draw):
    """Trees of particles in any order, in one piece or several, some particles with a ring."""
    n = draw(st.integers(4, 30))
    parents = [draw(st.integers(max(0, i - 4), i - 1)) for i in range(1, n)]
    bonds = [(parent, i + 1) for i, parent in enumerate(parents) if draw(st.integers(0, 9)) > 0]
    for size in draw(st.lists(st.integers(2, 5), max_size=3)):
        at = draw(st.integers(0, n - 1))
        ring = [at, *range(n, n + size)]
        bonds += [*zip(ring, [*ring[1:], at], strict=True)]
        n += size
    order = draw(st.permutations(range(n)))
    return [(order[i], order[j]) for i, j in bonds], n, draw(st.integers(0, 2**31))


SIZE = 48  # of all molecules of the property, with dummies: they share their programs


@settings(max_examples=15)
@given(molecules())
def test_bonds_are_turned_as_one_after_another(molecule):
    bonds, n, seed = molecule
    whole = np.random.default_rng(seed).normal(size=(SIZE, 3))
    positions = whole[:n]
    bodies = bodies_of(bonds, n)
    if len(bodies.parent) == 1:
        return
    system = system_of(bonds, whole, dummies=SIZE - n)
    reparam = torsion_at_start(system)
    latent = drawn(reparam, system, seed)
    np.testing.assert_array_equal(moved(reparam, system, 0 * latent), whole)
    x = moved(reparam, system, latent)
    np.testing.assert_array_equal(x[n:], whole[n:])
    x = x[:n]
    np.testing.assert_allclose(
        x, one_after_another(bonds, positions, unpadded(latent, reparam, bodies)), atol=1e-11
    )
    for held in (bonds, angles(bonds, n)):
        np.testing.assert_allclose(lengths(x, held), lengths(positions, held), atol=1e-12)
    for body in range(len(bodies.parent)):
        members = np.flatnonzero(bodies.body == body)
        pairs = [(i, j) for i in members for j in members]
        np.testing.assert_allclose(lengths(x, pairs), lengths(positions, pairs), atol=1e-12)


@settings(max_examples=25)
@given(molecules(), st.floats(0, 0.5))
def test_frozen_particles_stay_and_bonds_keep_their_lengths(molecule, share):
    bonds, n, seed = molecule
    random = np.random.default_rng(seed)
    whole, frozen = random.normal(size=(SIZE, 3)), random.random(n) < share
    bodies = bodies_of(bonds, n, frozen=frozen)
    if not (bodies.turns[1:].any() or bodies.shifts.any()):
        return
    system = system_of(bonds, whole, dummies=SIZE - n, frozen=frozen)
    reparam = torsion_at_start(system)
    x = moved(reparam, system, drawn(reparam, system, seed))[:n]
    np.testing.assert_array_equal(x[frozen], whole[:n][frozen])
    for held in (bonds, angles(bonds, n)):
        np.testing.assert_allclose(lengths(x, held), lengths(whole[:n], held), atol=1e-12)


@pytest.mark.parametrize(
    ("frozen", "turned"),
    [
        ([], [0, 1, 2, 3]),
        ([0], [0, 1, 2, 3]),
        ([0, 1], [0, 1, 2, 3]),
        ([0, 6], []),
        ([3], [0, 1, 2, 3]),
        ([0, 3], [2, 3]),
        ([0, 1, 5, 6], []),
        ([2, 3, 4], [0, 1, 2, 3]),
    ],
)
def test_of_a_chain_what_lies_between_frozen_particles_is_still(frozen, turned):
    """Of particles 0 to 6 the bonds 1-2, 2-3, 3-4 and 4-5 can be turned."""
    bodies = bodies_of([(i, i + 1) for i in range(6)], 7, frozen=np.isin(np.arange(7), frozen))
    bonds = np.sort(bodies.bond_ends[1:][bodies.turns[1:]], axis=1)[:, 0] - 1
    assert sorted(bonds) == turned


def test_a_piece_about_one_frozen_particle_turns_but_does_not_shift():
    star = [(0, 1), (0, 2), (0, 3)]
    bonds = [*star, *((i + 4, j + 4) for i, j in star)]
    bodies = bodies_of(bonds, 8, frozen=np.isin(np.arange(8), [1, bodies_of(star, 4).body[0] + 4]))
    assert bodies.shifts.tolist() == [False]


def test_what_only_frozen_particles_could_turn_is_refused():
    with pytest.raises(ConfigError, match="system: must be one with a bond that turns no frozen particle"):
        torsion_at_start(
            system_of([(0, 1), (1, 2), (2, 3)], np.eye(4, 3), frozen=np.array([1, 0, 0, 1], bool))
        )


def test_slopes_are_those_of_finite_differences():
    bonds = [(i, i + 1) for i in range(20) if i != 12] + [(3, 30), (30, 31), (31, 32), (15, 29)]
    system = system_of(bonds, np.random.default_rng(0).normal(size=(33, 3)))
    reparam = torsion_at_start(system)
    latent = drawn(reparam, system, 1)

    def energy(latent):
        return np.sum(np.sin(2 * (x := moved(reparam, system, latent))) * x[:, ::-1])

    slopes = slopes_of(reparam, system, latent)
    step = 1e-6
    for place, unit in enumerate(step * np.eye(len(latent))):
        slope = (energy(latent + unit) - energy(latent - unit)) / (2 * step)
        assert float(slopes[place]) == pytest.approx(float(slope), rel=1e-6, abs=1e-7)
    assert slopes[0] == 0


def test_what_can_be_turned():
    chain = [(i, i + 1) for i in range(5)]
    assert len(bodies_of(chain, 6).parent) == 1 + 3  # neither the first bond nor the last
    assert len(bodies_of(chain, 6, held=[(3, 2)]).parent) == 1 + 2
    assert len(bodies_of(PHENYL, 7).parent) == 1  # of the ring's neighbour the bond has one side of one
    assert len(bodies_of([*PHENYL, (0, 7)], 8).parent) == 1 + 1
    star = [(0, i) for i in range(1, 5)]
    assert len(bodies_of(star, 5).parent) == 1
    two = bodies_of([*star, (5, 6)], 7)
    assert (two.roots.tolist(), two.body.tolist()) == ([1], [0, 0, 0, 0, 0, 3, 3])


def test_small_rings_are_rigid_and_large_ones_opened_at_the_furthest_numbers():
    def ring(size):
        bonds = [(i, i + 1) for i in range(size - 1)] + [(size - 1, 0)]
        return bonds, bodies_of(bonds, size)

    assert len(ring(LARGEST_RING)[1].parent) == 1
    bonds, opened = ring(LARGEST_RING + 1)
    # A chain whose ends are in no bond but one, which can be turned all the same: the ring's bond follows.
    assert len(opened.parent) == 1 + LARGEST_RING
    ends = {frozenset(pair) for pair in opened.bond_ends[1:].tolist()}
    assert {frozenset(pair) for pair in bonds} - ends == {frozenset((LARGEST_RING, 0))}


def test_fused_rings_are_one_body():
    indole = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (3, 5), (5, 6), (6, 7), (7, 8), (8, 2)]
    assert len(bodies_of([*indole, (0, 9), (9, 10)], 11).parent) == 1 + 1


@pytest.mark.parametrize("omega", ["free", "held"])
def test_of_a_peptide_rings_stay_and_peptide_bonds_turn_if_free(omega):
    system = protein()
    atoms = [(atom.name, atom.residue.name) for atom in system.molecule.topology.atoms()]
    reparam = torsion_at_start(system, omega)
    x = moved(reparam, system, drawn(reparam, system, 3))
    positions = np.asarray(system.positions)
    bonds = system.edges.tolist()
    for held in (bonds, angles(bonds, system.n)):
        np.testing.assert_allclose(lengths(x, held), lengths(positions, held), atol=1e-13)
    near = neighbours(bonds, system.n)
    across = [(i, k) for c, n in peptide_bonds(system) for i in near[c] - {n} for k in near[n] - {c}]
    changed = abs(lengths(x, across) - lengths(positions, across)).max()
    assert len(across) == 8  # O and CA with H and CA, of two peptide bonds
    assert (changed < 1e-13) == (omega == "held")
    assert len(peptide_bonds(system)) == 2
    assert {atoms[c][0] + atoms[n][0] for c, n in peptide_bonds(system)} <= {"CN", "NC"}


def test_a_proline_is_rigid(tmp_path):
    """Residues 11 to 13 of Trp-cage: Gly, Pro, Ser."""

    def edit(chain):
        for _ in range(10):
            del chain[0]

    system = protein(prepare(tmp_path, text(edit, residues=13)))
    bodies = bodies_of(system.edges, system.n)
    atoms = list(system.molecule.topology.atoms())
    ring = [a.index for a in atoms if a.residue.name == "PRO" and a.name in ("N", "CA", "CB", "CG", "CD")]
    assert len(ring) == 5
    assert len(set(bodies.body[ring])) == 1


def test_a_long_chain_in_single_precision():
    """500 bonds in a row: rounding grows with the logarithm of their number."""
    bonds = [(i, i + 1) for i in range(500)]
    rng = np.random.default_rng(0)
    positions = np.cumsum(0.1 * rng.normal(size=(501, 3)), axis=0).astype(np.float32)
    exact = system_of(bonds, positions)
    reparam = torsion_at_start(exact)
    latent = drawn(reparam, exact, 2).astype(np.float32)
    expected = moved(reparam, exact, latent)
    slopes = slopes_of(reparam, exact, latent)
    jax.config.update("jax_enable_x64", False)
    single = system_of(bonds, positions)
    reparam = torsion_at_start(single)
    start = moved(reparam, single, np.zeros_like(latent))
    np.testing.assert_array_equal(start, single.positions)
    extent = np.ptp(expected)
    x = moved(reparam, single, latent)
    np.testing.assert_allclose(x, expected, atol=3e-6 * extent)
    np.testing.assert_allclose(lengths(x, bonds), lengths(positions, bonds), atol=5e-7 * extent)
    np.testing.assert_allclose(slopes_of(reparam, single, latent), slopes, atol=2e-5 * abs(slopes).max())


def test_every_rotation_is_computed_once():
    """Fused into its readers, a round of pointer doubling is computed twice by each round after it."""
    bonds = [(i, i + 1) for i in range(300)]
    system = system_of(bonds, np.random.default_rng(0).normal(size=(301, 3)))
    reparam = torsion_at_start(system)
    levels, bodies = reparam.init.args[0].ancestors.shape
    assert (levels, bodies) == (8, 299)
    params = reparam.init(KEY, system.positions)
    as_for_users = dict.fromkeys(QUICKLY, True)
    compiled = jax.jit(reparam.decode).lower(params).compile(compiler_options=as_for_users)
    operations = compiled.cost_analysis()["flops"]
    assert 28 * levels * bodies < operations < 60 * levels * bodies


def test_padded_it_moves_the_molecule_alone():
    plain, padded = (protein(padded=padded) for padded in (False, True))
    reparam, alone = torsion_at_start(padded), torsion_at_start(plain)
    latent = drawn(reparam, padded, 5)
    few = latent[: len(drawn(alone, plain, 5))]
    x = moved(reparam, padded, latent)
    np.testing.assert_array_equal(x[padded.n :], padded.positions[padded.n :])
    np.testing.assert_allclose(x[: padded.n], moved(alone, plain, few), atol=1e-13)
    slopes = slopes_of(reparam, padded, latent)
    np.testing.assert_allclose(slopes[: len(few)], slopes_of(alone, plain, few), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(slopes[len(few) :], 0)


def test_pieces_come_together():
    """Two chains that a spring joins: the smaller one turns and shifts to the larger."""
    bonds = [(i, i + 1) for i in range(8)] + [(i, i + 1) for i in range(9, 14)]
    rng = np.random.default_rng(4)
    positions = np.cumsum(rng.normal(size=(15, 3)), axis=0) + np.where(np.arange(15) > 8, 6, 0)[:, None]

    def energy(x):
        return jnp.sum((x[0] - x[14]) ** 2 + (x[8] - x[9]) ** 2)

    system = nnrep.System(energy, positions, edges=np.array(bonds))
    stage = nnrep.Stage("torsion", torsion_at_start(system), nnrep.lbfgs(0.3), nnrep.Stopping(), 400)
    result = nnrep.minimize(system, [stage], max_steps=400)
    assert result.energy[0] < 1e-6 < result.energy_start[0]
    np.testing.assert_allclose(lengths(result.positions[0], bonds), lengths(positions, bonds), atol=1e-9)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_protein_is_minimised_over_torsions_then_free(command, tmp_path, optimizer):
    folder = tmp_path / "run"
    done = command(
        *("run", "system=protein", "reparam=torsion", "reparam.omega=held", f"optimizer={optimizer}"),
        *("max_steps=80", "precision=float64", "system.start=perturbed", "system.perturbation=0.02"),
        *("seeds=2", f"hydra.run.dir={folder}"),
    )
    assert done.returncode == 0, done.stderr
    rows, arrays = pd.read_csv(folder / "runs.csv"), np.load(folder / "positions.npz")
    assert (rows["steps_coarse"] == 40).all()
    assert (rows["reparam"] == "torsion").all()
    assert (rows["energy"] < rows["energy_coarse"]).all()
    assert (rows["energy_coarse"] < rows["energy_start"]).all()
    system = protein(nnrep_molecule())
    for start, coarse, final in zip(arrays["start"], arrays["coarse"], arrays["final"], strict=True):
        np.testing.assert_allclose(lengths(coarse, system.edges), lengths(start, system.edges), atol=1e-9)
        assert abs(lengths(final, system.edges) - lengths(start, system.edges)).max() > 1e-4


def nnrep_molecule():
    """The embedded Trp-cage."""
    return build(ProteinConfig, {"name": "protein"}).molecule([])


def test_starts_without_bonds_are_refused(command):
    for system, reason in {
        "system=loop": "bonds of system=loop have random lengths at the start",
        "system=protein system.start=random": "system.start=random has no bonds",
    }.items():
        done = command("run", *system.split(), "reparam=torsion")
        assert done.returncode == 2
        assert f"reparam: must be a map that holds no bonds, as {reason}, got torsion" in done.stderr


def test_it_needs_no_modes(command):
    done = command("run", "system=protein", "reparam=torsion", "modes.seed=3")
    assert done.returncode == 2
    assert "modes.seed: must be 0, as reparam=torsion needs no modes, got 3" in done.stderr
