"""What Python users can get wrong is one line that names the argument, before anything is compiled."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nnrep
from nnrep.errors import LONGEST, ConfigError, as_arguments

X = np.random.default_rng(0).normal(size=(6, 3))
EDGES = np.array([[0, 1], [1, 2]])
RING = np.array([[k, (k + 1) % 6] for k in range(6)])
identity, Reparametrization = nnrep.reparam.identity, nnrep.reparam.Reparametrization
edge_graph = nnrep.reparam.edge_graph


def bowl(x):
    return jnp.sum((x - 1) ** 2)


def system(**attributes):
    return nnrep.System(bowl, attributes.pop("positions", X), **attributes)


def modes(count=3):
    return nnrep.SlowModes(jnp.arange(float(count)), jnp.ones((6, count)), jnp.ones(count))


def run(**options):
    return nnrep.minimize(options.pop("system", None) or system(), **{"max_steps": 3} | options)


def stage(**changes):
    whole = {"name": "a", "reparam": identity(), "optimizer": nnrep.adam(), "stopping": nnrep.Stopping()}
    return run(map_or_stages=nnrep.Stage(**whole | {"max_steps": 3} | changes))


def stopping(**numbers):
    return nnrep.two_stages(stopping=nnrep.Stopping(**numbers))


SYSTEMS = {
    "positions: must be real numbers of shape (n, d), got 'abc'": lambda: system(positions="abc"),
    "positions: must be real numbers of shape (n, d), got None": lambda: system(positions=None),
    "positions: must be real numbers of shape (n, d), got array([[": lambda: system(positions=X + 1j),
    "positions: must be real numbers of shape (n, d), got [[1, 2], [3]]": lambda: system(
        positions=[[1, 2], [3]]
    ),
    "positions: must be real numbers of shape (n, d), got shape (3,)": lambda: system(positions=X[0]),
    "positions: must be finite, got NaN or infinity in row 2": lambda: system(
        positions=np.where(np.arange(6)[:, None] == 2, np.nan, X)
    ),
    "energy: must be a function of positions (n, d), got None": lambda: nnrep.System(None, X),
    "energy: must be a function of positions (n, d), got one that is called otherwise": lambda: nnrep.System(
        lambda x, y: 0.0, X
    ),
    "energy: must be a scalar function of the positions, got one of shape (6,)": lambda: nnrep.System(
        lambda x: x[:, 0], X
    ),
    "energy: must be a scalar function of the positions, got one of shape dict": lambda: nnrep.System(
        lambda x: {}, X
    ),
    "energy: must be a real function of the positions, got one of type int": lambda: nnrep.System(
        lambda x: jnp.sum(x > 0), X
    ),
    "energy: fails at positions of shape (6, 3): dot_general": lambda: nnrep.System(
        lambda x: jnp.sum(x @ np.ones((5, 5))), X
    ),
    "energy: must be written with jax.numpy": lambda: nnrep.System(lambda x: np.sum(np.asarray(x)), X),
    "energy_sample: must be a function of positions (n, d) and key, got one": lambda: system(
        energy_sample=bowl
    ),
    "draw_start: must be a function of key, got 3": lambda: system(draw_start=3),
    "measure: must be a function of positions (n, d), got one": lambda: system(measure=lambda: 1),
    "reference: must be of shape (6, 3), got shape (2, 3)": lambda: system(reference=X[:2]),
    "edges: must be integers of shape (m, 2), got int64 of shape (3,)": lambda: system(edges=np.arange(3)),
    "edges: must be particles from 0 to 5": lambda: system(edges=np.array([[0, 6]])),
    "edge_weights: must be of shape (2,), got shape (3,)": lambda: system(
        edges=EDGES, edge_weights=np.ones(3)
    ),
    "node_features: must be of shape (6, f), got shape (2, 2)": lambda: system(node_features=np.ones((2, 2))),
    "masses: must be of shape (6,), got shape (2,)": lambda: system(masses=np.ones(2)),
    "dummies: must be from 0 to 2^31 - 1, got -1": lambda: system(dummies=-1),
    "dummies: must be fewer than the 6 positions, got 6": lambda: system(dummies=6),
    "runs_per_start: must be from 1": lambda: system(runs_per_start=0),
    "hessian_samples: must be from 1": lambda: system(hessian_samples=1.5),
    "name: must be text, got 3": lambda: system(name=3),
}
LOADED = {
    "system: must be one of cluster, loop, molecule, protein, got lop (did you mean loop?)": (
        lambda: nnrep.load_system("lop")
    ),
    "seed: must be from 0 to 2^31 - 1, got -1": lambda: nnrep.load_system("loop", seed=-1),
    "seed: must be from 0 to 2^31 - 1, got 1.5": lambda: nnrep.load_system("loop", seed=1.5),
    "structures: must be a list of folders, got 'pdb'": lambda: nnrep.load_system("loop", structures="pdb"),
    "structures: no/such: no such folder": lambda: nnrep.load_system("loop", structures=["no/such"]),
}
MODES = {
    "system: must be a nnrep.System, got array([[": lambda: nnrep.slow_modes(X, k=3),
    "k: must be a count from 1 to n = 6, or a share of it between 0 and 1, got 7": lambda: nnrep.slow_modes(
        system(), k=7
    ),
    "k: must be given, or epsilon, and not both, got k=None and epsilon=None": lambda: nnrep.slow_modes(
        system()
    ),
    "of: must be backbone or hessian, as the system names no edges, got graph": lambda: nnrep.slow_modes(
        system(), k=1, of="graph"
    ),
    "of: must be one of backbone, graph, hessian, got hess (did": lambda: nnrep.slow_modes(
        system(), k=1, of="hess"
    ),
    "seed: must be from 0": lambda: nnrep.slow_modes(system(), k=1, seed=-1),
    "noise: the Hessian is not finite": lambda: nnrep.slow_modes(
        nnrep.System(lambda x: jnp.sum(1 / (x - x)), X), k=1
    ),
    "background: must be True or False, got 'yes'": lambda: nnrep.slow_modes(system(), k=1, background="yes"),
}
RUNS = {
    "system: must be a nnrep.System, got array([[": lambda: nnrep.minimize(X),
    "map_or_stages: must be a Reparametrization, a Stage or a list of at least one Stage, got Slow": lambda: (
        run(map_or_stages=modes())
    ),
    "optimizer: must be an optimiser of nnrep, such as nnrep.adam(1e-2), or an optax": lambda: run(
        optimizer=optax.adam
    ),
    "seeds: must be an integer from 1 to 100000, or a list of distinct integers": lambda: run(seeds=[0, -1]),
    "seeds: must be an integer": lambda: run(seeds=np.ones((2, 2), int)),
    "max_steps: must be from 0 to 2^31 - 1, got 1.5": lambda: run(max_steps=1.5),
    "max_steps: must be from 0 to 2^31 - 1, got 'many'": lambda: run(max_steps="many"),
    "batch_size: must be at least 1, or None, got 1.5": lambda: run(batch_size=1.5),
    "restarts: must be a nnrep.Restarts, such as nnrep.Restarts(3), got 3": lambda: run(restarts=3),
    "min_contact_fraction: must be from 0 to 1, got 'x'": lambda: run(restarts=nnrep.Restarts(0, "x")),
    "monitor: must be a nnrep.Monitor, got <built-in": lambda: run(monitor=print),
    "monitor.on_progress: must be a function, got 3": lambda: run(monitor=nnrep.Monitor(on_progress=3)),
    "monitor.checkpoint: must be a pathlib.Path, got 'x'": lambda: run(monitor=nnrep.Monitor(checkpoint="x")),
    "draw_start: must be a function that draws positions (6, 3), got (2, 3)": lambda: run(
        system=system(draw_start=lambda key: jnp.ones((2, 3)))
    ),
    "measure: must be a function of the positions that gives a dict of scalars": lambda: run(
        system=system(measure=bowl)
    ),
    "measure: must be a dict of names other than seed, stage, step": lambda: run(
        system=system(measure=lambda x: {"energy": bowl(x)})
    ),
    "name: must be text, got 3": lambda: stage(name=3),
    "reparam: must be a nnrep.reparam.Reparametrization, got SlowModes": lambda: stage(reparam=modes()),
    "stopping: must be a nnrep.Stopping, got None": lambda: stage(stopping=None),
    "fit: must be a nnrep.Fit, or None, got 3": lambda: stage(fit=3),
    "reparam: must be a nnrep.reparam.Reparametrization, or None, got Slow": lambda: nnrep.two_stages(
        modes()
    ),
    **{
        f"{name}: must be left out without a map, as it is of the coarse stage": partial(
            nnrep.two_stages, None, **{name: value}
        )
        for name, value in [
            ("coarse_optimizer", nnrep.adam()),
            ("coarse_stopping", nnrep.Stopping()),
            ("coarse_steps", -5),
            ("fit", nnrep.Fit()),
        ]
    },
    "max_steps: must be from 0 to 2^31 - 1, got -5": lambda: nnrep.two_stages(identity(), coarse_steps=-5),
    "reparam: must be a map whose init gives floating-point numbers, as they are moved, got int": lambda: run(
        map_or_stages=Reparametrization(lambda key, x: jnp.ones(x.shape, int), lambda params: 1.0 * params)
    ),
    "reparam: must be a map whose init gives floating-point numbers, as they are moved, got float64, in": (
        lambda: run(map_or_stages=Reparametrization(lambda key, x: (x, 3), lambda params: params[0]))
    ),
    "workers: must be null, as ladders go on by turns; nnrep explore has processes, got 4": lambda: (
        nnrep.explore(system(), temperatures_k=[1.0], steps=5000, workers=4)
    ),
    "patience: must be from 1 to 2^31 - 1, got a": lambda: stopping(patience="a"),
    "min_delta: must be zero or positive, got a": lambda: stopping(min_delta="a"),
    "check_every: must be from 1 to 2^31 - 1, got 1.5": lambda: stopping(check_every=1.5),
    "rules: must be a tuple of stopping rules, got 3": lambda: stopping(rules=3),
    "rules: must be a function of a Check, got one that is called otherwise": lambda: stopping(
        rules=(lambda: True,)
    ),
}
PARTS = {
    "learning_rate: must be positive, got 'a'": lambda: nnrep.adam("a"),
    "learning_rate: must be positive, got <func": lambda: nnrep.sgd(optax.constant_schedule(1.0)),
    "learning_rate: must be positive, got array": lambda: nnrep.fire(np.ones(3)),
    "decay_steps: must be at least 1, got 'a'": lambda: nnrep.exponential_decay(1, 1, "a"),
    "clamp: must be positive, or null for none, got 'x'": lambda: nnrep.clamp("x"),
    "chain: must be one or several of nnrep's optimisers; optax.chain takes": lambda: nnrep.chain(
        nnrep.clamp(0.1), optax.adam(0.1)
    ),
    "chain: must be one or several": nnrep.chain,
    "modes: must be slow modes, see nnrep.slow_modes, got array([[": lambda: nnrep.reparam.linear(X),
    "connectivity: must be slow modes, or a graph of edges, got array": lambda: nnrep.reparam.graph(X),
    "edges: must be particles from 0 to 9, got array([[ 0, 100]])": lambda: edge_graph([[0, 100]], 10),
    "edges: must be particles from 0 to 9, got array([[ 0, -1]])": lambda: edge_graph([[0, -1]], 10),
    "edges: must be integers of shape (m, 2), got int64 of shape (1, 3)": lambda: edge_graph([[0, 1, 2]], 10),
    "edges: must be integers of shape (m, 2), got float64 of shape (1, 2)": lambda: edge_graph(
        [[0, 0.5]], 10
    ),
    "n: must be at least 1, got 1.5": lambda: edge_graph(EDGES, 1.5),
    "matrix: must be slow modes, or a Laplacian": lambda: nnrep.reparam.spectral_map(X),
    "system: must be a nnrep.System, got array": lambda: nnrep.reparam.spectral_at_start(X),
    "shift: must be positive, got a": lambda: nnrep.reparam.cholesky_at_start(system(), "a"),
    "system: must be a nnrep.System, got 'x'": lambda: nnrep.reparam.torsion_at_start("x"),
    "omega: must be one of free, held, got fixed": lambda: nnrep.reparam.torsion_at_start(system(), "fixed"),
    "omega: must be free, as the system has no molecule, got held": lambda: nnrep.reparam.torsion_at_start(
        system(), "held"
    ),
    "system: must be one with a bond that can be turned: in no ring": lambda: nnrep.reparam.torsion_at_start(
        system(edges=RING)
    ),
    "system: must be one in 3 dimensions": lambda: nnrep.reparam.torsion_at_start(system(positions=X[:, :2])),
}


@pytest.mark.parametrize(
    ("message", "call"),
    [case for cases in (SYSTEMS, LOADED, MODES, RUNS, PARTS) for case in cases.items()],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_errors_are_a_line_that_names_the_argument(message, call):
    with pytest.raises(ConfigError) as raised:
        call()
    text = str(raised.value)
    assert text.startswith(message)
    assert "\n" not in text


def test_numbers_of_numpy_and_jax_are_numbers():
    for number in (np.float32(0.5), np.array(0.5), jnp.asarray(0.5)):
        assert nnrep.adam(number).hyperparameters == 0.5


def test_long_values_are_cut():
    with pytest.raises(ConfigError) as raised:
        nnrep.slow_modes(np.zeros((100, 100)), k=3)
    assert len(str(raised.value)) < LONGEST + 60


def test_a_key_of_a_group_becomes_an_argument():
    with pytest.raises(ConfigError, match=r"^noise: must be"), as_arguments("modes"):
        raise ConfigError("modes.noise", "must be another")
