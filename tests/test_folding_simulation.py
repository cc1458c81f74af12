"""OpenMM's dynamics as an arm of `scripts/bench_folding`: our energy and masses, its temperature, repeats."""

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from checkout import ROOT
from openmm import unit
from structure_texts import pdb_of, peptide

from nnrep.dynamics.masses import masses_of
from nnrep.errors import UserError
from nnrep.structures.simulation import positions_of

KELVIN = 351.0
BOLTZMANN = unit.MOLAR_GAS_CONSTANT_R.value_in_unit(unit.kilojoule_per_mole / unit.kelvin)


@pytest.fixture(scope="module")
def folding(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """Alanine dipeptide in GBn2, and the arm."""
    path = tmp_path_factory.mktemp("dipeptide") / "dipeptide.pdb"
    path.write_text(pdb_of(peptide("ACE", "ALA", "NME")))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        from folding.arms.registry import ARMS
        from folding.problem import problem_of

        problem = problem_of(str(path), "gbn2", "amber14", [], "native")
        yield SimpleNamespace(problem=problem, arm=ARMS[f"openmm_{KELVIN:g}"](problem))


def test_it_has_our_energy_and_masses_along_the_way(folding):
    system, walk = folding.problem.system, folding.arm.begin(0)
    begun = positions_of(walk.context)
    for _ in range(2):
        moved = walk.move()
        (frame,) = moved.frames
        state = walk.context.getState(energy=True, forces=True)
        energy, slope = jax.value_and_grad(system.energy)(system.with_dummies(frame.positions))
        found = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        assert found == pytest.approx(float(energy), abs=1e-2)
        np.testing.assert_allclose(forces, -np.asarray(slope)[: system.n], atol=0.2)  # kJ/mol/nm
        assert (moved.evaluations, moved.ps, frame.temperature) == (2500, pytest.approx(10), KELVIN)
        quenched = walk.quench(frame)
        assert quenched.energy < float(energy)
        assert quenched.gradient_rms < 5
        assert quenched.evaluations > 500  # of the annealing
    simulated = walk.context.getSystem()
    masses = [simulated.getParticleMass(atom).value_in_unit(unit.dalton) for atom in range(system.n)]
    np.testing.assert_allclose(masses, masses_of(system, folding.arm.config.dynamics(system)))
    assert sorted(masses)[:12] == [6.0] * 12
    centre = np.average(frame.positions - begun, axis=0, weights=masses)
    np.testing.assert_allclose(centre, 0, atol=1e-2)


def test_a_seed_repeats_itself_and_another_differs(folding):
    one, again, other = (folding.arm.begin(seed).move().frames[0].positions for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.max(np.abs(one - other)) > 0.01


def test_its_kinetic_temperature_is_the_one_wanted(folding):
    context, seen = folding.arm.begin(0).context, []
    for _ in range(1000):
        context.getIntegrator().step(50)
        kinetic = context.getState(energy=True).getKineticEnergy()
        seen.append(kinetic.value_in_unit(unit.kilojoule_per_mole))
    freedom = 3 * folding.problem.system.n - 3
    assert 2 * np.mean(seen[100:]) / freedom / BOLTZMANN == pytest.approx(KELVIN, rel=0.03)


def test_an_energy_that_openmm_does_not_have_is_refused(folding):
    other = dataclasses.replace(folding.problem, continuum=None)
    with pytest.raises(UserError, match="another energy than this force field"):
        type(folding.arm)(other, KELVIN).begin(0)
