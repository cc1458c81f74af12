"""`nnrep.explore` from Python, with the dynamics of the package."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from given_molecules import gro, top

import nnrep
from nnrep.choices.settings import build
from nnrep.dynamics.masses import masses_of
from nnrep.errors import ConfigError, UserError
from nnrep.exploration.container import radius_of
from nnrep.exploration.settings import ExploreConfig
from nnrep.minimization.checkpoint import load_checkpoint, save_checkpoint

LJ6 = -12.712062  # of the octahedron; the other minimum of six particles is at -12.302928
SHORT = {"exchange_every": 50, "quench_every": 100}


@pytest.fixture(scope="module")
def cluster():
    return nnrep.load_system("cluster", n=6)


def test_the_minima_of_a_small_cluster(cluster):
    found = nnrep.explore(
        cluster,
        temperatures_k=(0.2, 0.35),
        **{**SHORT, "quench_every": 500},
        steps=8000,
        seeds=[4],
    )
    assert found.to_frame()["energy"][0] == pytest.approx(LJ6, abs=1e-5)
    assert found.results[0].positions.shape == (1, 6, 3)
    assert found.results[0].energy[0] == found.lowest[0].minimum.energy
    assert repr(found).startswith("<Exploration cluster: ")
    assert found.quenches["seed"].unique().tolist() == [4]
    assert np.isfinite(found.exchange["kinetic_temperature"]).all()


def test_a_mass_matrix_and_fixed_bonds_find_minima_as_well(tmp_path):
    """Each leaves the minima where they are."""
    formamide = molecule(tmp_path)
    usual = {"temperatures_k": [300.0], **SHORT, "steps": 200, "time_step_fs": 2.0}
    energies = [
        nnrep.explore(formamide, **usual, **more).lowest[0].minimum.energy
        for more in ({}, {"fastest_period_fs": 20.0}, {"constraints": "hydrogen_bonds"})
    ]
    assert energies == pytest.approx([energies[0]] * 3, abs=0.01)


def molecule(folder):
    (folder / "x.top").write_text(top())
    (folder / "x.gro").write_text(gro())
    files = {"topology": str(folder / "x.top"), "coordinates": str(folder / "x.gro")}
    return nnrep.load_system("molecule", **files)


def test_a_molecule_of_another_engine(tmp_path):
    found = nnrep.explore(
        molecule(tmp_path),
        temperatures_k=[300.0],
        **SHORT,
        time_step_fs=1.0,
        hydrogen_mass_dalton=None,
        steps=200,
    )
    assert len(found.quenches) == 3
    assert found.native is not None
    assert found.lowest[0].minimum.energy == pytest.approx(found.native.minimum.energy, abs=0.5)


def test_free_particles_do_not_evaporate():
    """At a temperature at which they do without a container, and stay apart for good."""
    hot = {"temperatures_k": [0.6], **SHORT, "quench_every": 500, "steps": 10_000}
    cluster = nnrep.load_system("cluster", n=6)
    held, free = (nnrep.explore(cluster, **hot, **more) for more in ({}, {"container_radius": np.inf}))
    for found, compact in ((held, True), (free, False)):
        positions = found.frames.positions[-10:]
        far = np.linalg.norm(positions - positions.mean(axis=1, keepdims=True), axis=2).max()
        assert (far < 1.2 * cluster.container_radius) == compact
        assert (found.quenches["energy"].iloc[-10:].max() < -11) == compact
    assert np.ptp(held.frames.positions.mean(axis=1), axis=0).max() < 1e-4  # the centre is held
    assert held.to_frame()["energy"].max() < -11


@pytest.mark.parametrize(("n", "radius"), [(13, 1.96), (38, 2.59), (55, 2.86)])
def test_a_container_has_room_around_a_cluster(n, radius):
    """That of 38 particles has 2.25 in the literature, those of 13 and 55 have 2 and more."""
    assert nnrep.load_system("cluster", n=n).container_radius == pytest.approx(radius, abs=0.01)


def test_a_container_is_for_free_particles(tmp_path, cluster):
    loop = nnrep.load_system("loop", n=30, repulsion="exact")
    frozen = replace(cluster, frozen=np.arange(6) < 2)
    for bound in (loop, molecule(tmp_path), frozen):
        with pytest.raises(ConfigError, match="container_radius: must be null, as the particles of"):
            nnrep.explore(bound, temperatures_k=[1e-4], container_radius=3.0)


def test_a_container_may_hold_several_molecules():
    pair = nnrep.System(lambda x: jnp.sum(x**2), np.eye(4, 3), edges=np.array([[0, 1], [2, 3]]))
    config = build(ExploreConfig, {"container_radius": 3.0})
    assert radius_of(pair, config) == 3.0
    assert radius_of(pair, build(ExploreConfig, {})) is None
    with pytest.raises(ConfigError, match="container_radius"):
        radius_of(replace(pair, edges=np.array([[0, 1], [2, 3], [1, 2]])), config)


def test_masses_of_particles_without_units_stay_as_they_are():
    system = nnrep.System(lambda x: jnp.sum(x**2), np.eye(4, 3), masses=np.array([1.0, 1.0, 2.0, 2.0]))
    config = build(ExploreConfig, {"temperatures_k": [0.1]})
    assert masses_of(system, config.dynamics(system)).tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("key", ["hydrogen_mass_dalton", "mass_rule", "constraints"])
def test_keys_of_hydrogens_are_refused_where_there_are_none(cluster, key):
    value = {"hydrogen_mass_dalton": 3.0, "mass_rule": "added", "constraints": "hydrogen_bonds"}[key]
    with pytest.raises(ConfigError, match=rf"^{key}: must be left out, as cluster has no hydrogens"):
        nnrep.explore(cluster, temperatures_k=[0.1], **{key: value})


def test_evaluations_of_quenches_have_those_of_the_annealing(tmp_path):
    usual = {"temperatures_k": [300.0], **SHORT, "steps": 200, "time_step_fs": 1.0, "seeds": [3]}
    plain, annealed = (
        nnrep.explore(molecule(tmp_path), **usual, quench={"anneal_steps": steps}).quenches
        for steps in (0, 50)
    )
    assert plain["evaluations"].iloc[0] == annealed["evaluations"].iloc[0]  # the start is not annealed
    assert (annealed["evaluations"].iloc[1:] > 50).all()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "temperatures_k: must be given for a system without units"),
        (
            {"temperatures_k": [0.1], "outer_every": 2},
            "outer_every: must be 1 for a system without a solvent",
        ),
        ({"temperature": [0.1]}, "temperature: unknown key"),
        (
            {"temperatures_k": [0.1], "monitor": nnrep.Monitor(record_every=20)},
            "monitor.record_every: must be",
        ),
        ({"temperatures_k": [0.1], "most_minima": 10_000, "seeds": 100_000}, "most_minima: "),
    ],
)
def test_bad_arguments_are_named(cluster, options, line):
    with pytest.raises(UserError, match=line):
        nnrep.explore(cluster, **options)


def no_map(key, positions):
    return positions[:3]


STAGE = nnrep.Stage("end", nnrep.reparam.identity(), nnrep.lbfgs(), nnrep.Stopping(), 100)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_steps": -1}, "max_steps: must be from 0 to 2^31 - 1, got -1"),
        ({"max_steps": 1.5}, "max_steps: must be from 0 to 2^31 - 1, got 1.5"),
        ({"stages": [1]}, "stages: must be a Stage or a list of at least one Stage, or None, got [1]"),
        ({"stages": 5}, "stages: must be a Stage or a list of at least one Stage, or None, got 5"),
        ({"stages": []}, "stages: must be a Stage or a list of at least one Stage, or None, got []"),
        ({"stages": STAGE._replace(max_steps=-1)}, "max_steps: must be from 0 to 2^31 - 1, got -1"),
        ({"stages": [STAGE, STAGE._replace(fit=3)]}, "fit: must be a nnrep.Fit, or None, got 3"),
        (
            {
                "stages": STAGE._replace(
                    reparam=nnrep.reparam.Reparametrization(no_map, lambda params: params)
                )
            },
            "reparam: must be a map to positions of shape (6, 3), got (3, 3)",
        ),
        ({"reparam": 5}, "reparam: must be a nnrep.reparam.Reparametrization, or None, got 5"),
        (
            {"reparam": nnrep.reparam.Reparametrization(no_map, lambda params: params)},
            "reparam: must be a map to positions of shape (6, 3), got (3, 3)",
        ),
    ],
)
def test_what_would_be_refused_after_the_search_is_refused_before_it(cluster, options, line):
    watched = nnrep.Monitor(on_progress=lambda seen: pytest.fail("the search has begun"))
    with pytest.raises(ConfigError) as caught:
        nnrep.explore(cluster, temperatures_k=[0.2], **SHORT, steps=100, monitor=watched, **options)
    assert str(caught.value) == line


def test_one_stage_is_a_list_of_one(cluster):
    found = nnrep.explore(cluster, temperatures_k=[0.2], **SHORT, steps=100, stages=STAGE)
    assert found.results[0].stages == ("end",)


def morse_pairs(positions, depth):
    i, j = np.triu_indices(4, 1)
    r = jnp.linalg.norm(positions[i] - positions[j], axis=1)
    return depth * jnp.sum((1 - jnp.exp(1 - r)) ** 2)


def four(depth=1.0, width=1.0):
    places = width * np.array([[0.0, 0, 0], [1.1, 0, 0], [0, 1.1, 0], [0, 0, 1.1]])
    return nnrep.System(morse_pairs, places, parameters=depth)


USUAL = {"temperatures_k": [0.05, 0.1], **SHORT, "steps": 200, "time_step_fs": 1.0}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The checkpoint of a search in the middle."""
    jax.config.update("jax_enable_x64", True)
    path, seen = tmp_path_factory.mktemp("kept") / "checkpoint.npz", []
    monitor = nnrep.Monitor(seen.append, lambda: any(each.steps for each in seen), path)
    assert nnrep.explore(four(), **USUAL, monitor=monitor).ended.value == "interrupted"
    return path


@pytest.mark.parametrize(
    ("what", "system", "changed"),
    [
        ("energy", {"depth": 5.0}, {}),
        ("starts", {"width": 1.2}, {}),
        ("seeds", {}, {"seeds": [3]}),
        ("temperatures", {}, {"temperatures_k": [0.05, 0.2]}),
        ("settings", {}, {"friction_per_ps": 3.0}),
        ("settings", {}, {"time_step_fs": 2.0}),
        ("settings", {}, {"quench": {"rms_force": 1e-3}}),
    ],
)
def test_a_checkpoint_of_a_search_with_other_numbers_is_refused(kept, what, system, changed):
    monitor = nnrep.Monitor(checkpoint=kept)
    wanted = f"{kept}: is of another search, with other {what}; remove it to start again"
    with pytest.raises(UserError, match=wanted):
        nnrep.explore(four(**system), **USUAL | changed, monitor=monitor)


def test_a_checkpoint_of_a_search_through_another_map_is_refused(kept):
    through = nnrep.reparam.linear(nnrep.slow_modes(four(), k=2, of="hessian"))
    monitor = nnrep.Monitor(checkpoint=kept)
    with pytest.raises(UserError, match="is of another search, with other maps"):
        nnrep.explore(four(), reparam=through, **USUAL, monitor=monitor)


def test_a_checkpoint_that_does_not_say_of_which_search_it_is_is_refused(kept, tmp_path):
    """As those of the command line, whose folders say it."""
    arrays, checkpoint = load_checkpoint(kept), tmp_path / "checkpoint.npz"
    own = {
        name: x for name, x in arrays.items() if name in ("seeds", "time_s") or name.split(".")[0].isdigit()
    }
    save_checkpoint(checkpoint, own)
    with pytest.raises(
        UserError, match="is no checkpoint of this version, or one of the command line; remove it"
    ):
        nnrep.explore(four(), **USUAL, monitor=nnrep.Monitor(checkpoint=checkpoint))


def test_a_checkpoint_of_another_precision_is_refused(kept):
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(UserError, match="is of another search, with other precision"):
        nnrep.explore(four(), **USUAL, monitor=nnrep.Monitor(checkpoint=kept))


def test_a_search_from_python_goes_on_with_a_longer_limit(kept, tmp_path):
    checkpoint = tmp_path / "checkpoint.npz"
    checkpoint.write_bytes(kept.read_bytes())
    longer = USUAL | {"steps": 400}
    resumed = nnrep.explore(four(), **longer, monitor=nnrep.Monitor(checkpoint=checkpoint))
    unbroken = nnrep.explore(four(), **longer)
    assert resumed.quenches["energy"].tolist() == unbroken.quenches["energy"].tolist()


def test_a_sampled_energy_is_refused():
    with pytest.raises(ConfigError, match="not sampled, as a loop's is with repulsion=exact, got loop"):
        nnrep.explore(nnrep.load_system("loop", n=30), temperatures_k=[0.1])
