"""Systems as ASE's calculators, and ASE's calculators as systems."""

import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checkout import ROOT
from compilations import counted
from structure_texts import fails, tripeptide

ase = pytest.importorskip("ase")

from ase import units  # noqa: E402
from ase.build import molecule  # noqa: E402
from ase.calculators.calculator import Calculator as AseCalculator  # noqa: E402
from ase.calculators.emt import EMT  # noqa: E402
from ase.calculators.lj import LennardJones  # noqa: E402
from ase.cluster import Icosahedron  # noqa: E402
from ase.constraints import FixAtoms, FixBondLength  # noqa: E402
from ase.io import read  # noqa: E402
from ase.optimize import BFGS  # noqa: E402

import nnrep  # noqa: E402
from nnrep.ase import Calculator, start_at, to_atoms, write_extxyz  # noqa: E402
from nnrep.errors import UserError  # noqa: E402
from nnrep.systems.protein import ProteinConfig, protein_system  # noqa: E402

EV = units.kJ / units.mol
FAR = 1e3  # a cutoff beyond all pairs
FULL = {"optimizer": nnrep.lbfgs(0.1), "max_steps": 500}


def lennard_jones(x):
    """In units of its own, with the energy of each pair once."""
    i, j = np.triu_indices(len(x), 1)
    sixth = jnp.sum((x[i] - x[j]) ** 2, axis=1) ** -3
    return 4 * jnp.sum(sixth**2 - sixth)


def cluster(seed=0, count=7) -> np.ndarray:
    """Near a compact structure, in units of sigma."""
    grid = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)], float)[:count]
    return 1.1 * grid + 0.05 * np.random.default_rng(seed).normal(size=(count, 3))


def argon(positions=None) -> "ase.Atoms":
    atoms = ase.Atoms(f"Ar{len(cluster())}", positions=cluster() if positions is None else positions)
    atoms.calc = LennardJones(rc=FAR)
    return atoms


def of_protein(padded=False, **settings) -> nnrep.System:
    return protein_system(ProteinConfig(**settings), tripeptide(), padded=padded)


def copper() -> "ase.Atoms":
    atoms = Icosahedron("Cu", 2)
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    return atoms


def minimized_by_ase(atoms) -> float:
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=500)
    return float(atoms.get_potential_energy())


# A system as a calculator.


@pytest.mark.parametrize("padded", [False, True], ids=["plain", "padded"])
def test_energies_and_forces_of_a_protein_are_its_own_in_other_units(padded):
    system = of_protein(padded)
    atoms = to_atoms(system)
    atoms.calc = Calculator(system)
    np.testing.assert_allclose(atoms.positions, 10 * tripeptide().positions, atol=1e-6)
    assert atoms.get_chemical_symbols() == [a.element.symbol for a in tripeptide().topology.atoms()]
    np.testing.assert_allclose(atoms.get_masses(), system.masses)
    atoms.rattle(0.01, seed=2)
    x = system.with_dummies(system.from_file_frame(atoms.positions / 10))
    energy, gradient = jax.value_and_grad(system.energy)(jnp.asarray(x))
    assert atoms.get_potential_energy() == pytest.approx(float(energy) * EV, rel=1e-9)
    np.testing.assert_allclose(atoms.get_forces(), -np.asarray(gradient)[: system.n] * EV / 10, rtol=1e-9)


def test_forces_are_minus_the_slope_of_the_energy():
    atoms = to_atoms(of_protein())
    atoms.calc = Calculator(of_protein())
    forces, h = atoms.get_forces(), 1e-4
    for atom, axis in ((0, 0), (7, 1), (20, 2)):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.positions[atom, axis] += sign * h
            energies.append(moved.get_potential_energy())
        assert forces[atom, axis] == pytest.approx((energies[1] - energies[0]) / (2 * h), rel=1e-4, abs=1e-5)


def test_double_precision_does_not_depend_on_that_of_the_process():
    expected = Calculator(of_protein()).get_potential_energy(to_atoms(of_protein()))
    jax.config.update("jax_enable_x64", False)
    system = of_protein()
    assert Calculator(system).get_potential_energy(to_atoms(system)) == pytest.approx(expected, rel=1e-6)


def test_later_calls_compile_nothing():
    first, second = (nnrep.System(energy=lennard_jones, positions=cluster(seed)) for seed in range(2))
    atoms = to_atoms(first)
    atoms.calc = Calculator(first)
    atoms.get_forces()
    with counted() as compiled:
        BFGS(atoms, logfile=None).run(fmax=1e-3, steps=5)
        Calculator(second).get_potential_energy(to_atoms(second))
    assert compiled == []


def test_frozen_particles_are_fixed_and_have_no_forces():
    frozen = np.arange(7) < 3
    system = nnrep.System(energy=lennard_jones, positions=cluster(), frozen=frozen)
    atoms = to_atoms(system)
    assert atoms.constraints[0].index.tolist() == [0, 1, 2]
    forces = Calculator(system).get_forces(atoms)
    assert np.all(forces[:3] == 0)
    assert np.all(forces[3:] != 0)


def test_flat_systems_have_a_third_axis():
    system = nnrep.System(energy=lennard_jones, positions=cluster()[:4, :2])
    atoms = to_atoms(system)
    assert atoms.positions.shape == (4, 3)
    assert np.all(Calculator(system).get_forces(atoms)[:, 2] == 0)


# A calculator as a system.


@pytest.mark.parametrize("make", [argon, copper], ids=["lennard-jones", "emt"])
def test_minimum_of_a_calculator_is_that_of_ase(make):
    result = nnrep.minimize(nnrep.System.from_ase(make()), **FULL)
    assert result.energy[0] == pytest.approx(minimized_by_ase(make()), abs=1e-5)
    start = make()
    assert result.energy_start[0] == pytest.approx(start.get_potential_energy(), rel=1e-6)
    np.testing.assert_allclose(result.positions_start[0], start.positions, atol=1e-6)
    assert (result.energy_unit, result.length_unit) == ("eV", "Å")
    assert result.name == start.get_chemical_formula()


def test_lennard_jones_is_the_same_both_ways():
    jax_system = nnrep.System(energy=lennard_jones, positions=cluster())
    by_ase = to_atoms(jax_system)
    by_ase.calc = Calculator(jax_system)
    assert by_ase.get_potential_energy() == pytest.approx(argon().get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(by_ase.get_forces(), argon().get_forces(), atol=1e-6)
    there = minimized_by_ase(by_ase)
    back = nnrep.minimize(nnrep.System.from_ase(argon()), **FULL).energy[0]
    assert there == pytest.approx(back, abs=1e-5)
    given = nnrep.System.from_ase(argon(), energy=lennard_jones)
    assert nnrep.minimize(given, **FULL).energy[0] == pytest.approx(back, abs=1e-5)


def test_a_calculator_of_nnrep_stays_a_jax_function():
    system = of_protein()
    atoms = to_atoms(system)
    atoms.calc = Calculator(system)
    back = nnrep.System.from_ase(atoms)
    assert float(back.energy(back.positions)) == pytest.approx(EV * float(system.energy(system.positions)))
    assert "callback" not in str(jax.make_jaxpr(back.energy)(back.positions))
    called = nnrep.System.from_ase(argon())
    assert "callback" in str(jax.make_jaxpr(called.energy)(called.positions))


def test_hessians_of_calculators_are_differences_of_forces():
    called = nnrep.System.from_ase(argon())
    known = nnrep.System.from_ase(argon(), energy=lennard_jones)
    theirs, ours = (nnrep.slow_modes(system, 10, of="hessian") for system in (called, known))
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-4, atol=1e-6)
    newton = nnrep.reparam.cholesky_at_start(called, shift=1e-3)
    result = nnrep.minimize(called, newton, optimizer=nnrep.lbfgs(0.1), max_steps=200)
    assert result.energy[0] == pytest.approx(minimized_by_ase(argon()), abs=1e-4)


def test_energies_are_reported_in_double_precision():
    jax.config.update("jax_enable_x64", False)
    result = nnrep.minimize(nnrep.System.from_ase(argon()), **FULL)
    assert result.energy.dtype == np.float64
    end = argon(result.positions[0])
    assert result.energy[0] == pytest.approx(end.get_potential_energy(), rel=1e-12)


def test_fixed_atoms_are_frozen():
    atoms = argon()
    atoms.set_constraint(FixAtoms([1, 4]))
    result = nnrep.minimize(nnrep.System.from_ase(atoms), **FULL)
    np.testing.assert_allclose(result.positions[0][[1, 4]], atoms.positions[[1, 4]], atol=1e-12)
    assert result.energy[0] == pytest.approx(minimized_by_ase(atoms), abs=1e-5)


def test_cells_and_periodic_boundaries_stay():
    atoms = argon()
    atoms.set_cell([4, 4, 4])
    atoms.pbc = True
    atoms.calc = LennardJones(rc=1.9)
    system = nnrep.System.from_ase(atoms)
    assert float(system.energy(system.positions)) == pytest.approx(atoms.get_potential_energy())


def test_what_is_no_system_is_named():
    fails(lambda: nnrep.System.from_ase("x"), "atoms: must be an ase.Atoms")
    fails(lambda: nnrep.System.from_ase(ase.Atoms()), "atoms: must be an ase.Atoms of one atom at least")
    fails(lambda: nnrep.System.from_ase(molecule("H2O")), "atoms: must be atoms with a calculator")
    tied = argon()
    tied.set_constraint(FixBondLength(0, 1))
    fails(lambda: nnrep.System.from_ase(tied), "without constraints other than FixAtoms, got FixBondLength")
    water = molecule("H2O")
    water.calc = EMT()  # which knows hydrogen and oxygen
    assert nnrep.System.from_ase(water).n == 3
    fails(lambda: Calculator("x"), "system: must be a nnrep.System")
    other = replace(nnrep.System.from_ase(argon()), length_unit="pc")
    fails(lambda: Calculator(other), "length_unit: must be one of nm, Å, or empty, got pc")
    system = nnrep.System(energy=lennard_jones, positions=cluster())
    fails(lambda: Calculator(system).get_potential_energy(molecule("H2O")), "atoms: must be 7 atoms", "got 3")


def test_atoms_of_another_kind_are_named_each_time():
    system = of_protein()
    others = to_atoms(system)
    others.symbols[4] = "S"
    fails(lambda: start_at(system, others), "atoms: must be of the molecule's elements", " at 4, got S")
    periodic = to_atoms(system)
    periodic.set_cell([50, 50, 50])
    periodic.pbc = True
    for atoms, message in ((others, "atoms: must be of the molecule's elements"), (periodic, "not periodic")):
        atoms.calc = Calculator(system)
        for _ in range(2):
            fails(atoms.get_potential_energy, message)
    assert start_at(system, periodic).n == system.n


def test_results_of_a_file_are_no_calculator(tmp_path):
    system = nnrep.System.from_ase(argon())
    result = nnrep.minimize(system, max_steps=2)
    write_extxyz(tmp_path / "x.extxyz", system, result, like=argon())
    image = read(tmp_path / "x.extxyz")
    fails(lambda: nnrep.System.from_ase(image), "atoms.calc: must be a calculator that computes, got Single")
    broken = argon()
    broken.positions[2, 1] = np.nan
    fails(lambda: nnrep.System.from_ase(broken), "atoms: must be at positions that are finite, got atom 2")


# Extended XYZ.


def test_results_are_read_by_ase(tmp_path):
    system = of_protein(start="perturbed")
    result = nnrep.minimize(system, optimizer=nnrep.lbfgs(), max_steps=20, seeds=2)
    write_extxyz(tmp_path / "ends.extxyz", system, result)
    images = read(tmp_path / "ends.extxyz", ":")
    assert [image.info["seed"] for image in images] == [0, 1]
    assert [image.info["status"] for image in images] == [status.name for status in result.status]
    for place, image in enumerate(images):
        np.testing.assert_allclose(image.positions, 10 * result.positions[place], atol=1e-6)
        assert image.get_potential_energy() == pytest.approx(EV * result.energy[place], rel=1e-6)
        assert image.get_forces().shape == (system.n, 3)
    with pytest.raises(UserError, match="exists; choose another file, or overwrite=True"):
        write_extxyz(tmp_path / "ends.extxyz", system, result)
    write_extxyz(tmp_path / "ends.extxyz", system, result, overwrite=True)
    start = start_at(system, images[1])
    assert start.draw_start is None
    again = nnrep.minimize(start, max_steps=0)
    assert again.energy_start[0] == pytest.approx(result.energy[1], abs=0.01)


def test_modes_are_sampled_about_the_start_that_was_given():
    system = of_protein()
    atoms = to_atoms(system)
    atoms.positions *= 1.2
    there = start_at(system, atoms)
    drawn = there.draw_configuration(jax.random.key(0), jnp.zeros(()))
    np.testing.assert_allclose(drawn, there.positions, atol=0.06)
    assert np.abs(np.asarray(drawn) - np.asarray(system.positions)).max() > 0.1


class Smeared(AseCalculator):
    """Of a code with smeared occupations: forces are those of the free energy."""

    implemented_properties = ("energy", "free_energy", "forces")

    def calculate(self, atoms=None, properties=(), system_changes=()):
        x = atoms.positions
        self.results = {"free_energy": np.sum(x**2), "energy": np.sum(x**2) + 5.0, "forces": -2 * x}


def test_the_energy_is_that_of_the_forces():
    atoms = argon()
    atoms.calc = Smeared()
    system = nnrep.System.from_ase(atoms)
    assert nnrep.minimize(system, max_steps=0).energy_start[0] == pytest.approx(np.sum(atoms.positions**2))


def test_frames_are_a_trajectory(tmp_path):
    atoms = argon()
    system = nnrep.System.from_ase(atoms)
    result = nnrep.minimize(system, max_steps=40, monitor=nnrep.Monitor(record_every=20))
    write_extxyz(tmp_path / "t.extxyz", system, result, like=atoms)
    images = read(tmp_path / "t.extxyz", ":")
    assert [image.info["step"] for image in images] == result.frames.step.tolist()
    assert set(images[0].get_chemical_symbols()) == {"Ar"}
    energies = [image.get_potential_energy() for image in images]
    assert energies[-1] < energies[0]


def test_without_ase_the_extra_is_named(tmp_path):
    (tmp_path / "ase.py").write_text("raise ImportError('no ASE here')")
    code = "import nnrep\ntry:\n    nnrep.ase\nexcept nnrep.errors.UserError as error:\n    print(error)"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout == "nnrep.ase: needs ASE; pip install 'nnrep[ase]'\n", done.stderr
