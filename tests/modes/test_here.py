"""Modes taken where a stage begins: `modes.at=stage`."""

import jax
import numpy as np
import pandas as pd
import pytest
from structure_texts import own_cache, prepare, text

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.modes import ModesOf
from nnrep.modes.backbone import Backbone
from nnrep.modes.here import modes_here
from nnrep.modes.settings import ModesConfig
from nnrep.reparam.build import built_map
from nnrep.reparam.network import graph, over_particles
from nnrep.reparam.registry import MAPS
from nnrep.systems.protein import ProteinConfig, protein_system

KEY = jax.random.key(2)


@pytest.fixture
def loop():
    return nnrep.load_system("loop", n=20, loop_length=5, repulsion="exact")


@pytest.fixture
def peptides(tmp_path, monkeypatch):
    """Without dummies, and with some."""
    own_cache(tmp_path, monkeypatch)
    molecule = prepare(tmp_path, text(residues=2))
    return [protein_system(ProteinConfig(), molecule, padded=padded) for padded in (False, True)]


def same_subspace(one, other):
    cosines = np.linalg.svd(np.asarray(one).T @ np.asarray(other), compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-7)


@pytest.mark.parametrize("backbone", Backbone)
def test_modes_are_those_of_a_single_sample_without_noise(loop, backbone):
    vectors, weights = jax.jit(modes_here(loop, 6, ModesOf.backbone, backbone))(loop.positions)
    known = nnrep.slow_modes(loop, 6, samples=1, noise=0.0, backbone=backbone)
    same_subspace(vectors, known.vectors)
    np.testing.assert_allclose(weights, known.weights, rtol=1e-6, atol=1e-12)
    elsewhere = loop.start(5)
    other, _ = modes_here(loop, 6, ModesOf.backbone, backbone)(elsewhere)
    assert abs(np.asarray(other) - np.asarray(vectors)).max() > 1e-3


def test_normal_modes_are_those_of_the_hessian_there(loop):
    vectors, values = jax.jit(modes_here(loop, 7, ModesOf.hessian, Backbone.mean_norm))(loop.positions)
    known = nnrep.slow_modes(loop, 7, of="hessian")
    np.testing.assert_allclose(values, known.values, atol=1e-8 * float(abs(known.values).max()))
    same_subspace(vectors, known.vectors)


@pytest.mark.parametrize("of", [ModesOf.backbone, ModesOf.hessian])
def test_dummies_have_no_part_in_modes(peptides, of):
    plain, padded = peptides
    assert padded.dummies > 0
    rows = plain.n * (3 if of is ModesOf.hessian else 1)
    known, seen = (modes_here(each, 8, of, Backbone.mean_norm)(each.positions) for each in peptides)
    np.testing.assert_allclose(np.asarray(seen[0])[rows:], 0, atol=1e-10)
    same_subspace(known[0], np.asarray(seen[0])[:rows])
    np.testing.assert_allclose(seen[1], known[1], rtol=1e-6, atol=1e-6 * float(abs(known[1]).max()))


def made(system, name, of="backbone", count=6, **keys):
    modes = build(ModesConfig, {"at": "stage", "of": of})
    return built_map(system, build(MAPS[name], {"name": name, **keys}), modes, count, {"threads": 1}).reparam


def test_coarse_graining_starts_with_what_its_modes_leave(loop):
    reparam = made(loop, "cg")
    for positions in (loop.positions, loop.start(3)):
        vectors, _ = modes_here(loop, 6, ModesOf.backbone, Backbone.mean_norm)(positions)
        projected = vectors @ (vectors.T @ positions)
        begun = np.asarray(reparam.decode(reparam.init(KEY, positions)))
        scale = np.std(positions - positions.mean(0)) / np.std(projected - projected.mean(0))
        np.testing.assert_allclose(begun, scale * projected, rtol=1e-6, atol=1e-9)
    displaced = made(loop, "cg", "hessian")
    np.testing.assert_allclose(displaced.decode(displaced.init(KEY, loop.positions)), loop.positions)


@pytest.mark.parametrize("keys", [{}, {"strength": None}, {"weights": "unit"}], ids=str)
@pytest.mark.parametrize("of", ["backbone", "hessian"])
def test_a_network_is_that_along_the_modes_there(loop, of, keys):
    count = 6
    options = {"of": of} if of == "hessian" else {"samples": 1, "noise": 0.0}
    known = nnrep.slow_modes(loop, count, **options)
    fixed = graph(over_particles(known, 3) if of == "hessian" else known, 8, **keys)
    params = fixed.init(KEY, loop.positions)
    reparam = made(loop, "gnn", of, count, hidden=8, **keys)
    begun = reparam.init(KEY, loop.positions)
    np.testing.assert_allclose(begun.moved["readout"]["weight"], params["readout"]["weight"], rtol=1e-5)
    np.testing.assert_allclose(reparam.decode(begun), fixed.decode(params), rtol=1e-5, atol=1e-7)


def test_stages_of_a_run_take_their_modes_anew(command, tmp_path):
    modes = "modes: {at: stage, of: hessian}"  # of displacements: a stage begins where the last one ended
    stage = f"{{reparam: {{name: cg, modes: 8}}, {modes}, optimizer: adam, max_steps: 40, repeat: 3}}"
    small = ("system.n=30", "system.loop_length=5", "seeds=2", "precision=float64", "schedule=staged")
    last = "{reparam: none, optimizer: adam, max_steps: 20}"
    given = (*small, f"schedule.stages=[{stage}, {last}]", "schedule.restarts=0", "record.pictures=false")
    result = command("run", *given, "hydra.run.dir=run")
    assert result.returncode == 0, result.stderr
    runs = pd.read_csv(tmp_path / "run" / "runs.csv")
    assert (runs["modes"] == 8).all()
    assert (runs["modes_of"] == "hessian").all()
    assert (runs["energy"] < runs["energy_start"]).all()
    assert (runs["evaluations"] == 140).all()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"of": "graph"}, "at: must be start, as modes of=graph are the same everywhere, got stage"),
        ({"epsilon": 0.3}, "epsilon: must be null, as the number of modes is known beforehand"),
    ],
)
def test_what_cannot_be_taken_anew_is_refused(keys, message):
    with pytest.raises(ConfigError) as caught:
        build(ModesConfig, {"at": "stage", **keys})
    assert str(caught.value).startswith(message)
