"""The backbone of all pairs in rows is that of the listed pairs, and a full matrix is decomposed in place."""

import jax
import numpy as np
import pytest
from structure_texts import tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import UserError
from nnrep.modes import eigensolvers, lapack, slow, spectrum
from nnrep.modes.backbone import Backbone
from nnrep.modes.eigensolvers import Solver, largest_eigenvalue, lowest_eigenpairs
from nnrep.modes.slow import backbone_of, sampling_of
from nnrep.modes.spectrum import count_below, laplacian
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System

SETTINGS = [{"force_field": name} for name in ("amber14", "amber14_uncorrected", "classical")]
SETTINGS.append({"cutoff_nm": 0.5, "switch_nm": 0.4})
SETTINGS.append({"solvent": "gbn2"})


def system_of(settings: dict, padded: bool = False) -> System:
    return protein_system(build(ProteinConfig, {"name": "protein", **settings}), tripeptide(), padded=padded)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_is_that_of_the_listed_pairs(monkeypatch, settings):
    for module in ("parameters", "classical"):
        monkeypatch.setattr(f"nnrep.systems.force_fields.{module}.MAX_TABLE_ATOMS", 10)
    monkeypatch.setattr("nnrep.modes.row_blocks.ROWS", 20)
    system = system_of(settings, padded="cutoff_nm" not in settings)
    for kind in list(Backbone)[: 2 if settings.get("force_field") == "amber14" else 1]:
        sampling = sampling_of(system, 2, None, 0, kind)
        listed = backbone_of(system, sampling)[0].toarray()
        with monkeypatch.context() as patch:
            patch.setattr(slow, "MAX_LISTED", 10)
            rows, error = backbone_of(system, sampling)
        assert isinstance(rows, np.ndarray)
        assert error == 0
        np.testing.assert_allclose(rows, listed, rtol=1e-9, atol=1e-12 * listed.max())


def full(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    return 1 / (0.1 + np.linalg.norm(x[:, None] - x, axis=2)) ** 3


@pytest.mark.parametrize("count", [1, 7, 40])
def test_a_full_matrix_is_decomposed_in_place_and_is_then_as_it_was(monkeypatch, count):
    monkeypatch.setattr(lapack, "ROWS_AT_ONCE", 16)
    matrix = full(40)
    before = matrix.copy()
    values, vectors = lapack.lowest_in_place(matrix, count)
    np.testing.assert_array_equal(matrix, before)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(before)[:count], atol=1e-9)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9 * values[-1] + 1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(count), atol=1e-12)
    only, none = lapack.lowest_in_place(matrix, count, vectors=False)
    np.testing.assert_allclose(only, values, atol=1e-9)
    assert none.shape == (40, 0)


def test_modes_of_a_full_array_are_those_of_its_entries(monkeypatch):
    backbone = full(60).astype(np.float32)
    backbone[0] *= 1 + 1e-6  # symmetric but for rounding
    by_entries = nnrep.modes.spectrum.slow_modes_of(backbone, 9)
    count, largest = count_below(laplacian(backbone), 0.6), largest_eigenvalue(laplacian(backbone))
    monkeypatch.setattr(spectrum, "MAX_DENSE_NODES", 20)
    monkeypatch.setattr(eigensolvers, "MAX_DENSE_NODES", 20)
    monkeypatch.setattr(spectrum, "ROWS_AT_ONCE", 16)
    matrix = laplacian(backbone)
    assert isinstance(matrix, np.ndarray)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6 * abs(matrix).max())
    in_place = spectrum.slow_modes_of(backbone, 9)
    assert in_place.solver == "dense"
    for name in ("values", "vectors", "weights"):
        one, other = (np.asarray(getattr(modes, name)) for modes in (in_place, by_entries))
        np.testing.assert_allclose(one, other, atol=1e-6 * abs(other).max())
    assert count_below(matrix, 0.6) == count
    assert largest_eigenvalue(matrix) == pytest.approx(largest)
    lanczos = lowest_eigenpairs(matrix, 9, Solver.lanczos)
    np.testing.assert_allclose(lanczos.values, in_place.values, atol=1e-8 * largest)
    with pytest.raises(UserError, match="shift_invert is for sparse matrices"):
        lowest_eigenpairs(matrix, 9, Solver.shift_invert)


def test_an_array_that_is_hardly_filled_has_its_entries_alone(monkeypatch):
    monkeypatch.setattr(spectrum, "MAX_DENSE_NODES", 20)
    chain = np.diag(np.ones(49), 1)
    assert not isinstance(laplacian(chain + chain.T), np.ndarray)


def test_modes_of_large_molecules_take_no_list_of_pairs(monkeypatch):
    """From backbone to modes, in single precision, as a run has them."""
    jax.config.update("jax_enable_x64", False)
    system = system_of({})
    listed = nnrep.slow_modes(system, 9)
    monkeypatch.setattr(slow, "MAX_LISTED", 10)
    monkeypatch.setattr(spectrum, "MAX_DENSE_NODES", 10)
    in_rows = nnrep.slow_modes(system, 9)
    np.testing.assert_allclose(in_rows.values, listed.values, rtol=1e-3, atol=1e-6 * float(listed.values[-1]))
    overlap = np.linalg.svd(np.asarray(in_rows.vectors).T @ np.asarray(listed.vectors), compute_uv=False)
    np.testing.assert_allclose(overlap, 1, atol=1e-4)
