"""OpenMM's minimiser and dynamics as baselines: results, statuses, interruption."""

from dataclasses import fields, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flat import minimize
from jax.tree_util import Partial
from structure_texts import tripeptide

import nnrep
from nnrep.baselines.openmm_dynamics import DynamicsConfig
from nnrep.baselines.openmm_minimizer import MinimizerConfig
from nnrep.baselines.run import run_baseline
from nnrep.choices.settings import build
from nnrep.errors import ConfigError, UserError
from nnrep.host.progress import Progress
from nnrep.minimization.history import COLUMNS as HISTORY_COLUMNS
from nnrep.structures.force_field_files import with_parameters
from nnrep.structures.molecule import Molecule
from nnrep.structures.simulation import Solvent
from nnrep.systems.protein import ProteinConfig, protein_system

Status = nnrep.Status
QUICK = DynamicsConfig(steps=60, record_every=20, threads=1)
EXACT = MinimizerConfig(platform="Reference")  # in float64: what the minimiser is told is what it finds


def spring_energy(pairs, lengths, x):
    return 1e5 * jnp.sum((jnp.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) - lengths) ** 2)


def noisy(positions, key):
    return positions + 0.002 * jax.random.normal(key, positions.shape)


def spread(x):
    return {"spread": jnp.sqrt(jnp.mean((x - x.mean(axis=0)) ** 2)), "first": x[0, 0]}


def springs(molecule: Molecule, measure=spread) -> nnrep.System:
    """Bonds of the molecule as springs, started from noise about the molecule."""
    pairs = np.array([(one.index, other.index) for one, other in molecule.topology.bonds()])
    lengths = np.linalg.norm(molecule.positions[pairs[:, 0]] - molecule.positions[pairs[:, 1]], axis=1)
    return nnrep.System(
        energy=Partial(spring_energy, jnp.asarray(pairs), jnp.asarray(lengths)),
        positions=molecule.positions,
        draw_start=Partial(noisy, jnp.asarray(molecule.positions)),
        measure=measure,
    )


def run(molecule: Molecule, config: MinimizerConfig | DynamicsConfig, seeds=(0,), **options) -> nnrep.Result:
    system = options.pop("system", None) or springs(molecule)
    return run_baseline(system, molecule, config, seeds=seeds, monitor=nnrep.Monitor(**options))


def stop_after(looks: int):
    """A should_stop that says so at a look."""
    left = iter(range(looks))
    return lambda: next(left, None) in (None, looks - 1)


@pytest.fixture(scope="module")
def minimized() -> nnrep.Result:
    jax.config.update("jax_enable_x64", True)
    return run(tripeptide(), EXACT, seeds=(3, 5))


def check_numbers(result: nnrep.Result, system: nnrep.System) -> None:
    """What every result must hold, whatever made it."""
    count = len(result.seeds)
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            assert len(value) == count, field.name
    for positions, energies in [
        (result.positions_start, result.energy_start),
        (result.positions, result.energy),
    ]:
        np.testing.assert_allclose(energies, [system.energy(jnp.asarray(x)) for x in positions], rtol=1e-9)
    assert result.positions_coarse is None
    assert np.isnan(result.energy_coarse).all()
    np.testing.assert_array_equal(result.evaluations, result.steps_fine)
    columns = [*HISTORY_COLUMNS, "openmm_energy", "first", "spread"]
    assert list(result.history.columns) == columns
    for place, seed in enumerate(result.seeds):
        rows = result.history[result.history["seed"] == seed]
        assert (rows["stage"] == "openmm").all()
        assert rows["step"].iloc[0] == 0
        assert rows["step"].iloc[-1] == result.steps_fine[place]
        assert rows["step"].is_monotonic_increasing
        assert rows["step"].is_unique
        assert rows["time_s"].is_monotonic_increasing
        assert rows["time_s"].iloc[-1] == result.time_minimize_s[place]
        assert rows["energy"].iloc[-1] == result.energy[place]
        assert rows["first"].iloc[-1] == result.positions[place, 0, 0]
        gradient = jax.grad(system.energy)(jnp.asarray(result.positions[place]))
        assert rows["gradient_norm"].iloc[-1] == pytest.approx(float(jnp.linalg.norm(gradient)))
        assert result.gradient_rms[place] == pytest.approx(float(jnp.sqrt(jnp.mean(gradient**2))))


def test_the_minimiser_converges(minimized):
    system = springs(tripeptide())
    check_numbers(minimized, system)
    assert minimized.seeds == (3, 5)
    assert minimized.status == (Status.converged,) * 2
    np.testing.assert_array_equal(minimized.positions_start[0], system.start(3))
    assert abs(minimized.positions_start[0] - minimized.positions_start[1]).max() > 1e-3
    for _, rows in minimized.history.groupby("seed"):
        assert np.all(np.diff(rows["openmm_energy"]) < 0)
        assert np.all(rows["step"].iloc[:-1] % 10 == 0)
    assert np.all(minimized.time_compile_s > 0)
    assert np.all(minimized.time_minimize_s > 0)
    assert minimized.time_earlier_s == 0


def test_the_minimiser_keeps_to_its_iterations():
    for limit, steps in [(1, [0, 1]), (10, [0, 10]), (25, [0, 10, 20, 25])]:
        result = run(tripeptide(), MinimizerConfig(max_iterations=limit))
        assert result.status == (Status.step_limit,)
        assert result.steps_fine[0] == limit
        assert result.history["step"].tolist() == steps


def test_a_looser_tolerance_ends_earlier(minimized):
    loose = run(tripeptide(), replace(EXACT, tolerance=200.0), seeds=(3,))
    assert loose.status == (Status.converged,)
    assert loose.steps_fine[0] < minimized.steps_fine[0]
    assert loose.history["openmm_energy"].iloc[-1] > minimized.history["openmm_energy"].min()


def test_the_continuum_changes_what_is_minimised():
    vacuum, implicit = (
        run(tripeptide(), MinimizerConfig(solvent=solvent, max_iterations=20)).history["openmm_energy"]
        for solvent in (Solvent.vacuum, Solvent.implicit)
    )
    assert implicit.iloc[-1] < vacuum.iloc[-1] - 100
    assert np.all(np.diff(implicit) < 0)


@pytest.mark.parametrize(("solvent", "tolerance"), [("gbn2", 1e-6), ("obc2", 1e-2)])
@pytest.mark.parametrize("force_field", ["amber14", "charmm36.xml"])
def test_the_system_s_solvent_is_that_of_openmm(force_field, solvent, tolerance):
    """OBC2 is OpenMM's compiled force, whose constants have other digits; no bonds are held."""
    options = {"solvent_dielectric": 40.0, "surface": "none"}
    own = {"name": "protein", "force_field": force_field}
    config = build(ProteinConfig, {**own, "solvent": solvent, "solvent_options": options})
    molecule = tripeptide() if force_field == "amber14" else with_parameters(tripeptide(), force_field)
    system = protein_system(config, molecule)
    vacuum = protein_system(build(ProteinConfig, own), molecule)
    for baseline in (
        replace(EXACT, max_iterations=3, record_every=1),
        replace(QUICK, steps=4, record_every=2, timestep_fs=0.5, platform="Reference"),
    ):
        continuum = config.continuum
        history = run_baseline(system, molecule, baseline, seeds=(0,), continuum=continuum).history
        np.testing.assert_allclose(history["openmm_energy"], history["energy"], atol=tolerance)
        assert history["energy"].iloc[0] < float(vacuum.energy(vacuum.positions)) - 100


def test_dynamics_goes_its_steps():
    seeds = (0, 1)
    seen: list[Progress] = []
    result = run(tripeptide(), QUICK, seeds=seeds, on_progress=seen.append)
    check_numbers(result, springs(tripeptide()))
    assert result.status == (Status.finished,) * 2
    assert result.history["step"].tolist() == [0, 20, 40, 60] * 2
    assert [progress.steps for progress in seen] == [20, 40, 60, 80, 100, 120]
    assert {progress.steps_limit for progress in seen} == {120}
    assert [progress.running for progress in seen] == [2] * 3 + [1] * 3
    again = run(tripeptide(), QUICK, seeds=(1,))
    np.testing.assert_array_equal(again.positions[0], result.positions[1])


def test_seeds_move_apart_from_one_start():
    system = replace(springs(tripeptide()), draw_start=None)
    result = run(tripeptide(), QUICK, seeds=(0, 1), system=system)
    np.testing.assert_array_equal(*result.positions_start)
    assert abs(result.positions[0] - result.positions[1]).max() > 0.01


def test_a_system_need_not_measure():
    result = run(tripeptide(), replace(QUICK, steps=20), system=springs(tripeptide(), measure=None))
    assert list(result.history.columns) == [*HISTORY_COLUMNS, "openmm_energy"]


def test_dynamics_of_no_steps_stays_at_the_start():
    result = run(tripeptide(), replace(QUICK, steps=0))
    assert result.status == (Status.finished,)
    np.testing.assert_array_equal(result.positions, result.positions_start)


def test_bonds_to_hydrogen_are_held_at_long_timesteps_only():
    pairs = np.array(
        [
            (one.index, other.index)
            for one, other in tripeptide().topology.bonds()
            if "H" in (one.element.symbol, other.element.symbol)
        ]
    )

    def spread_of_lengths(timestep_fs: float) -> float:
        x = run(tripeptide(), replace(QUICK, timestep_fs=timestep_fs)).positions[0]
        names = [atom.name for atom in tripeptide().topology.atoms()]
        alpha = [pair for pair in pairs if {names[i] for i in pair} == {"CA", "HA"}]
        return float(np.std([np.linalg.norm(x[one] - x[other]) for one, other in alpha]))

    assert spread_of_lengths(2.0) < 1e-5 < 5e-4 < spread_of_lengths(0.5)


def test_water_is_simulated_but_not_reported():
    config = replace(QUICK, steps=4, record_every=2, solvent=Solvent.explicit)
    result = run(tripeptide(), config)
    check_numbers(result, springs(tripeptide()))
    assert result.positions.shape == (1, tripeptide().n, 3)
    assert result.history["openmm_energy"].iloc[-1] < -10_000


@pytest.mark.parametrize("platform", ["CPU", "Reference"])
def test_dynamics_that_blows_up_keeps_the_last_finite_positions(platform):
    result = run(tripeptide(), replace(QUICK, timestep_fs=100.0, steps=400, platform=platform), seeds=(0,))
    assert result.status == (Status.diverged,)
    assert np.isfinite(result.positions).all()
    assert np.isfinite(result.energy).all()


@pytest.mark.parametrize("platform", ["CPU", "Reference"])
def test_a_start_without_an_energy_has_no_minimum(platform):
    """Two atoms in one place."""
    crowded = tripeptide().positions.copy()
    crowded[0] = crowded[-1]
    system = replace(springs(tripeptide()), positions=crowded, draw_start=None)
    result = run(tripeptide(), MinimizerConfig(platform=platform), system=system)
    assert result.status == (Status.diverged,)
    np.testing.assert_array_equal(result.positions[0], crowded)


def test_a_minimiser_stops_when_asked():
    result = run(tripeptide(), MinimizerConfig(), seeds=(0, 1), should_stop=stop_after(3))
    check_numbers(result, springs(tripeptide()))
    assert result.status == (Status.interrupted,) * 2
    np.testing.assert_array_equal(result.steps_fine, [30, 0])
    np.testing.assert_array_equal(result.positions[1], result.positions_start[1])


@pytest.mark.parametrize("looks", [1, 3, 4])
@pytest.mark.parametrize(
    "config", [MinimizerConfig(max_iterations=30, threads=1), QUICK], ids=lambda config: config.name
)
def test_a_resumed_run_equals_the_unbroken_one(tmp_path, config, looks):
    seeds = (2, 0)
    unbroken = run(tripeptide(), config, seeds=seeds)
    checkpoint = tmp_path / "checkpoint.npz"
    broken = run(tripeptide(), config, seeds=seeds, checkpoint=checkpoint, should_stop=stop_after(looks))
    assert broken.status[1] is Status.interrupted
    assert (broken.status[0] is Status.interrupted) == (looks < 3)
    seen: list[Progress] = []
    resumed = run(tripeptide(), config, seeds=seeds, checkpoint=checkpoint, on_progress=seen.append)
    assert len(seen) == (6 if looks < 3 else 3), "finished seeds are not done again"
    whole = Status.finished if config is QUICK else Status.step_limit
    assert resumed.status == unbroken.status == (whole,) * 2
    np.testing.assert_array_equal(resumed.positions, unbroken.positions)
    timeless = [column for column in unbroken.history if column != "time_s"]
    assert resumed.history[timeless].equals(unbroken.history[timeless])
    assert (resumed.time_earlier_s > 0) == (looks >= 3)


@pytest.mark.parametrize("config", [MinimizerConfig(), QUICK], ids=lambda config: config.name)
def test_control_c_goes_through(tmp_path, config):
    def interrupt(progress: Progress) -> None:
        if progress.running == 1:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        run(tripeptide(), config, seeds=(0, 1), checkpoint=checkpoint, on_progress=interrupt)
    seen: list[Progress] = []
    run(tripeptide(), config, seeds=(0, 1), checkpoint=checkpoint, on_progress=seen.append)
    assert {progress.running for progress in seen} == {1}


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path: Path = tmp_path / "checkpoint.npz"
    run(tripeptide(), QUICK, checkpoint=path)
    for config, seeds in [(replace(QUICK, steps=80), (0,)), (QUICK, (1,)), (MinimizerConfig(), (0,))]:
        with pytest.raises(UserError, match="the checkpoint is of another run"):
            run(tripeptide(), config, seeds=seeds, checkpoint=path)
    path.unlink()
    minimize(springs(tripeptide()), max_steps=10, checkpoint=path, should_stop=lambda: True)
    with pytest.raises(UserError, match="the checkpoint is of another run"):
        run(tripeptide(), QUICK, checkpoint=path)


def test_single_precision_is_the_systems_own_affair():
    jax.config.update("jax_enable_x64", False)
    result = run(tripeptide(), replace(QUICK, steps=20))
    assert np.isfinite(result.energy).all()


def test_a_system_of_another_size_is_named():
    system = nnrep.System(energy=lambda x: jnp.sum(x**2), positions=np.zeros((5, 3)))
    for config in (MinimizerConfig(), QUICK):
        with pytest.raises(ConfigError, match=f"system: must be of {tripeptide().n} atoms, got 5"):
            run(tripeptide(), config, system=system)


@pytest.mark.parametrize(
    ("make", "values", "message"),
    [
        (MinimizerConfig, {"platform": "Quantum"}, "platform: must be one of .*CPU.*, got Quantum"),
        (DynamicsConfig, {"platform": "cpu"}, "platform: must be one of .*CPU.*, got cpu"),
        (MinimizerConfig, {"threads": 0}, "threads: must be at least 1, or null"),
        (MinimizerConfig, {"tolerance": 0.0}, "tolerance: must be positive"),
        (MinimizerConfig, {"max_iterations": -1}, "max_iterations: must be from 0"),
        (MinimizerConfig, {"record_every": 0}, "record_every: must be at least 1"),
        (
            MinimizerConfig,
            {"solvent": Solvent.explicit},
            "solvent: must be vacuum or implicit, .* got explicit",
        ),
        (DynamicsConfig, {"temperature": -1.0}, "temperature: must be positive"),
        (DynamicsConfig, {"timestep_fs": 0.0}, "timestep_fs: must be positive"),
        (DynamicsConfig, {"steps": -1}, "steps: must be from 0"),
        (DynamicsConfig, {"friction_per_ps": -0.1}, "friction_per_ps: must be zero or positive"),
        (DynamicsConfig, {"record_every": 0}, "record_every: must be from 1"),
    ],
)
def test_unusable_choices_are_named(make, values, message):
    with pytest.raises(ConfigError, match=message):
        make(**values)
