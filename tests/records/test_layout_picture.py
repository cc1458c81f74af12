"""The picture of where a run begins and ends."""

from types import SimpleNamespace

import gemmi
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from picture_checks import check_letters, texts_of
from structure_texts import structure, text

import nnrep
from nnrep.records.layout_picture import layout_picture
from nnrep.records.traces import draw_on_native, native_of
from nnrep.systems.measures import ANGSTROM_PER_NM, rmsd

LOOP = nnrep.load_system("loop", n=60)


@pytest.fixture(scope="module")
def protein():
    return nnrep.load_system("protein")


def coil(n=60):
    turn = 2 * np.pi * np.arange(n) / 10
    return np.stack([1.75 * np.cos(turn), 1.75 * np.sin(turn), 0.18 * np.arange(n)], axis=1)


def result_of(ends, energies, start=None):
    ends = np.asarray(ends)
    starts = ends if start is None else np.repeat(start[None], len(ends), axis=0)
    seeds = tuple(range(10, 10 + len(ends)))
    return SimpleNamespace(
        seeds=seeds,
        positions=ends,
        positions_start=starts,
        energy=np.array(energies),
        energy_start=np.full(len(ends), 7.0),
    )


def titles_of(figure):
    return [axes.get_title() for axes in figure.axes]


def moved(positions, seed=0):
    """Turned and shifted, without a mirror image."""
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return positions @ (rotation * np.linalg.det(rotation)) + 10


def test_a_loop_names_its_energy_its_bound_and_its_pieces():
    blown = coil()
    blown[:5] += 1000
    figure = layout_picture(LOOP, result_of([blown], [LOOP.energy_bound / 2], start=coil()))
    start, end = titles_of(figure)
    assert start.splitlines() == ["start of seed 10", "energy 7", "1 piece"]
    name, energy, pieces = end.splitlines()
    assert name == "end of seed 10"
    assert energy.endswith("(50.0 %)")
    assert pieces == "2 pieces, 5 outside"
    note = next(each for each in texts_of(figure) if "mean over pairs" in each)
    assert "dimensionless" in note
    assert f"the lower bound \N{MINUS SIGN}{-LOOP.energy_bound:.5g}" in note
    assert any("units of length" in each for each in texts_of(figure))
    check_letters(figure)


def test_pieces_that_fly_off_do_not_set_the_scale():
    blown = coil()
    blown[:5] += 1000
    figure = layout_picture(LOOP, result_of([blown], [-0.1], start=coil()))
    widths = [np.diff(axes.get_xlim()).item() for axes in figure.axes]
    assert max(widths) < 30


def test_the_ends_of_the_lowest_energies_are_shown():
    energies = [3.0, np.nan, -2.0, 1.0, 2.0]
    figure = layout_picture(LOOP, result_of([coil()] * 5, energies))
    names = [title.splitlines()[0] for title in titles_of(figure)]
    assert names == ["start of seed 12", "end of seed 12", "end of seed 13", "end of seed 14"]
    assert "loop, 60 particles: the lowest 3 of 5 seeds" in texts_of(figure)
    check_letters(figure)


def test_flat_chains_and_systems_without_contacts_are_drawn():
    flat = nnrep.load_system("loop", n=60, dim=2)
    check_letters(layout_picture(flat, result_of([coil()[:, ::2]], [-0.1])))
    own = nnrep.System(lambda x: jnp.sum(x**2), coil(), name="$own$ energy of $\\sums")
    figure = layout_picture(own, result_of([coil()], [1.0]))
    assert "$own$ energy of $\\sums, 60 particles" in texts_of(figure)
    assert "piece" not in titles_of(figure)[1]
    check_letters(figure)


def test_structures_are_superposed_on_the_native_one(protein):
    native = native_of(protein)
    positions = np.asarray(protein.molecule.positions)
    np.testing.assert_allclose(native.on_it(moved(positions)), native.positions, atol=1e-9)
    assert native.rmsd(moved(positions)) == pytest.approx(0, abs=1e-9)
    axes = Figure().add_axes((0, 0, 1, 1))
    draw_on_native(axes, native, moved(positions), np.eye(3))
    below, above = (np.concatenate(each.get_segments()) for each in _tubes(axes))
    np.testing.assert_allclose(below[::4], above[::4], atol=1e-6)


def test_the_rmsd_is_that_of_the_tables(protein):
    positions = np.asarray(protein.molecule.positions)
    bent = positions + 0.1 * np.random.default_rng(0).normal(size=positions.shape)
    native, trace = native_of(protein), protein.trace
    expected = ANGSTROM_PER_NM * float(rmsd(jnp.asarray(bent[trace]), jnp.asarray(positions[trace])))
    assert native.rmsd(moved(bent)) == pytest.approx(expected, rel=1e-3)
    figure = layout_picture(protein, result_of([moved(bent)], [-3000.0], start=positions))
    start, end = titles_of(figure)
    assert start.splitlines()[-1] == "RMSD of CA atoms 0.00 Å"
    assert end.splitlines()[-1] == f"RMSD of CA atoms {expected:.2f} Å"
    assert "energy \N{MINUS SIGN}3000 kJ/mol" in end
    assert any(each.endswith(" Å") and each[0].isdigit() for each in texts_of(figure))
    check_letters(figure)


def test_a_trace_links_bonded_residues_alone(tmp_path, monkeypatch):
    both = structure(residues=4)
    second = both[0][0].clone()
    second.name = "B"
    for atom in (atom for residue in second for atom in residue):
        atom.pos += gemmi.Position(30, 0, 0)
    both[0].add_chain(second)
    both.setup_entities()
    (tmp_path / "two.pdb").write_text(both.make_pdb_string(gemmi.PdbWriteOptions(minimal=True)))
    monkeypatch.chdir(tmp_path)
    native = native_of(nnrep.load_system("protein", pdb="two.pdb", chain="all"))
    assert native.links.tolist() == [[0, 1], [1, 2], [2, 3], [4, 5], [5, 6], [6, 7]]


def test_a_molecule_of_two_residues_is_drawn_by_its_atoms(tmp_path, monkeypatch):
    (tmp_path / "small.pdb").write_text(text(residues=2))
    monkeypatch.chdir(tmp_path)
    small = nnrep.load_system("protein", pdb="small.pdb")
    native = native_of(small)
    assert len(native.positions) == small.n
    assert len(native.links) == len(small.edges)
    figure = layout_picture(small, result_of([np.asarray(small.molecule.positions)], [1.0]))
    assert "RMSD of all atoms 0.00 Å" in titles_of(figure)[1]
    check_letters(figure)


def _tubes(axes):
    return [each for each in axes.collections if isinstance(each, LineCollection)]
