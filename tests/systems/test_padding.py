"""Dummies change nothing: energies, modes and runs are those of the molecule, and its programs are shared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structure_texts import prepare, text, tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.energies.padding import padded_size, padded_terms
from nnrep.modes.assembled import hessian_of
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.records.rows import described
from nnrep.reparam.build import built_map
from nnrep.reparam.registry import MAPS
from nnrep.structures.force_field_files import with_parameters
from nnrep.structures.force_field_names import is_of_files
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.measures import rmsd
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System


def pair(force_field="amber14", molecule=None, **settings) -> tuple[System, System]:
    """A molecule as it is, and padded."""
    config = build(ProteinConfig, {"name": "protein", "force_field": force_field, **settings})
    molecule = molecule or tripeptide()
    if is_of_files(force_field):
        molecule = with_parameters(molecule, force_field)
    return protein_system(config, molecule), protein_system(config, molecule, padded=True)


ENERGIES = [{"force_field": name} for name in FORCE_FIELDS]
ENERGIES += [{"force_field": "charmm36.xml"}]  # which has impropers, CMAP and pairs of their own
ENERGIES += [{"solvent": "gbn2"}, {"solvent": "obc2", "solvent_options": {"kappa": 0.5}}]


@given(st.integers(1, 20_000))
def test_sizes_are_few_and_near(count):
    size = padded_size(count)
    assert size >= count
    assert size - count < max(8, count / 16)
    assert padded_size(size) == size


def test_there_are_few_sizes():
    assert len({padded_size(count) for count in range(64, 2048)}) <= 80


def test_terms_beyond_the_usual_number_have_sizes_of_their_own():
    assert padded_terms(0, 2.0, 100) == 0
    assert padded_terms(150, 2.0, 100) == 200
    assert padded_terms(207, 2.0, 100) == padded_size(207)


@pytest.mark.parametrize("large", [False, True], ids=["table", "rows"])
@pytest.mark.parametrize("chosen", ENERGIES, ids=str)
def test_energy_forces_terms_and_measures_are_those_of_the_molecule(monkeypatch, chosen, large):
    if large:  # pairs are computed row by row
        for module in ("force_fields.parameters", "force_fields.classical", "solvents.parameters"):
            monkeypatch.setattr(f"nnrep.systems.{module}.MAX_TABLE_ATOMS", 10)
    plain, padded = pair(**chosen)
    assert padded.n == plain.n < len(padded.positions)
    x = np.asarray(plain.positions + 0.01 * jax.random.normal(jax.random.key(0), plain.positions.shape))
    whole = jnp.asarray(padded.with_dummies(x))
    energy, gradient = jax.value_and_grad(plain.energy)(x)
    same, padded_gradient = jax.value_and_grad(padded.energy)(whole)
    assert float(same) == pytest.approx(float(energy), rel=1e-14, abs=1e-10)
    np.testing.assert_allclose(padded_gradient[: plain.n], gradient, atol=1e-13 * abs(gradient).max())
    np.testing.assert_array_equal(padded_gradient[plain.n :], 0)
    for one, other in zip(described(plain, x), described(padded, x), strict=True):
        assert one == pytest.approx(other, rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("chosen", ENERGIES, ids=str)
def test_in_float32_they_are_the_same_to_rounding(chosen):
    jax.config.update("jax_enable_x64", False)
    plain, padded = pair(**chosen)
    energy, gradient = jax.value_and_grad(plain.energy)(plain.positions)
    same, padded_gradient = jax.value_and_grad(padded.energy)(padded.positions)
    scale = sum(abs(float(term)) for term in plain.energy_terms(plain.positions).values())
    assert float(same) == pytest.approx(float(energy), abs=2e-6 * scale)
    np.testing.assert_allclose(padded_gradient[: plain.n], gradient, atol=2e-6 * abs(gradient).max())
    assert np.all(np.isfinite(jax.jit(hessian_of(padded))(padded.positions)))


@pytest.mark.parametrize("chosen", ENERGIES, ids=str)
def test_hessian_is_that_of_the_molecule(chosen):
    plain, padded = pair(**chosen)
    size = plain.positions.size
    dense = np.asarray(jax.jit(hessian_of(plain))(plain.positions))
    whole = np.asarray(jax.jit(hessian_of(padded))(padded.positions))
    np.testing.assert_allclose(whole[:size, :size], dense, atol=1e-13 * abs(dense).max())
    np.testing.assert_array_equal(whole[size:], 0)


def test_dummies_close_to_one_another_leave_the_hessian_as_it_is():
    _, padded = pair()
    positions = np.asarray(padded.positions)
    near = 1e-25 * np.random.default_rng(0).normal(size=(padded.dummies, 3))  # powers of it overflow
    dense = jax.jit(hessian_of(padded))
    found = [dense(x) for x in (positions, np.concatenate([positions[: padded.n], near]))]
    assert padded.dummies > 1
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("start", ["native", "perturbed", "random"])
def test_starts_are_those_of_the_molecule(start):
    plain, padded = pair(start=start)
    for seed in (0, 3):
        np.testing.assert_array_equal(padded.start(seed)[: plain.n], plain.start(seed))


@pytest.mark.parametrize("of", ModesOf)
def test_modes_are_those_of_the_molecule(of):
    # Away from a minimum seven are below the six rigid motions.
    plain, padded = (nnrep.slow_modes(system, 13, of=of) for system in pair())
    assert plain.vectors.shape == padded.vectors.shape
    np.testing.assert_allclose(padded.values, plain.values, atol=1e-9 * float(abs(plain.values).max()))
    overlap = np.linalg.svd(np.asarray(plain.vectors).T @ np.asarray(padded.vectors), compute_uv=False)
    np.testing.assert_allclose(overlap, 1, atol=1e-8)


CHOICES = [{"name": name} for name in MAPS if name not in ("gnn", "egnn")]  # egnn is for loops
CHOICES += [{"name": "gnn", "fit": {"max_steps": 20}}, {"name": "gnn", "graph": "bonds", "self_weight": 0.2}]
CHOICES += [{"name": "cg", "modes_of": "hessian"}, {"name": "spectral", "modes_of": "hessian"}]
CHOICES += [{"name": "spectral", "modes_of": "graph"}]


def run_through(system: System, choice: dict, seeds=2) -> nnrep.Result:
    given = {key: value for key, value in choice.items() if key != "modes_of"}
    modes = build(ModesConfig, {"of": choice.get("modes_of", "backbone")})
    config = build(MAPS[choice["name"]], given)
    made = built_map(system, config, modes, 9 if config.needs_modes else None, {"choice": str(choice)})
    stages = nnrep.two_stages(made.reparam, fit=config.fitting, stopping=nnrep.Stopping(check_every=5))
    return nnrep.minimize(system, stages, seeds=seeds, max_steps=20)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())))
def test_runs_are_those_of_the_molecule(choice):
    plain, padded = (run_through(system, choice) for system in pair(perturbation=0.1))
    assert padded.positions.shape == plain.positions.shape
    assert padded.status == plain.status
    np.testing.assert_allclose(padded.positions_start, plain.positions_start, atol=1e-9)
    # Adam makes whole steps of the rounding of forces that are zero: those on the molecule as a whole.
    for one, other in zip(padded.positions, plain.positions, strict=True):
        assert float(rmsd(jnp.asarray(one), jnp.asarray(other))) < 1e-8
    np.testing.assert_allclose(padded.energy, plain.energy, rtol=1e-8)
    np.testing.assert_allclose(padded.gradient_rms, plain.gradient_rms, rtol=1e-7)


def test_forces_at_rest_are_those_of_the_particles_alone():
    """A mean over dummies as well would end a stage too early."""
    for system in pair():
        rms = nnrep.minimize(system, max_steps=0).gradient_rms[0]
        stopping = nnrep.Stopping(rms_force=0.999 * rms)
        result = nnrep.minimize(system, nnrep.two_stages(stopping=stopping), max_steps=1)
        assert result.evaluations[0] == 1


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())))
def test_next_molecule_of_a_size_compiles_nothing(tmp_path, choice):
    """Three residues, another three with other counts of atoms and terms."""
    molecules = [
        tripeptide(),
        prepare(tmp_path, text(lambda chain: chain.__delitem__(0), residues=4)),
    ]
    systems = [pair(molecule=molecule)[1] for molecule in molecules]
    assert systems[0].n != systems[1].n
    assert len(systems[0].positions) == len(systems[1].positions)
    compiled: list[str] = []

    def note(event: str, duration: float, **kwargs) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(str(kwargs.get("fun_name")))

    first = run_through(systems[0], choice)
    described(systems[0], first.positions[0])
    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        second = run_through(systems[1], choice)
        described(systems[1], second.positions[0])
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert compiled == []
