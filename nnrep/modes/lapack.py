"""The lowest eigenpairs of a full symmetric matrix by LAPACK, in the memory of the matrix.

SciPy's `eigh` has the same routine, but copies the matrix, and holds all of Python up for the minutes that it
takes at ten thousand dimensions, signals included. Called through `ctypes` it does neither.
"""

import ctypes
from functools import cache

import numpy as np

from nnrep.errors import UserError

ROWS_AT_ONCE = 512
ARGUMENTS = 21  # of dsyevr, all by reference


def lowest_in_place(matrix: np.ndarray, count: int, vectors: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenvalues (k,), and their eigenvectors (n, k) or (n, 0), of a symmetric matrix (n, n).

    Args:
        matrix: in double precision, with its rows in order in memory. It is used up on the way, and is at the
            end as it was.
        count: k.
        vectors: whether eigenvectors are wanted.

    Raises:
        UserError: LAPACK has not converged.
    """
    n = len(matrix)
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    diagonal = matrix.diagonal().copy()
    values = np.empty(n)
    rows = np.empty((count if vectors else 1, n))
    support = np.empty(2 * max(1, count), np.int32)
    # dsyevr(jobz, range, uplo, n, a, lda, vl, vu, il, iu, abstol, m, w, z, ldz, isuppz, work, lwork, iwork,
    # liwork, info): the matrix's upper triangle, row by row, is Fortran's lower one.
    order, nothing, info = ctypes.c_int(n), ctypes.c_double(0.0), ctypes.c_int(0)
    fixed = [
        *(ctypes.c_char(b"V" if vectors else b"N"), ctypes.c_char(b"I"), ctypes.c_char(b"L")),
        *(order, matrix, order, nothing, nothing, ctypes.c_int(1), ctypes.c_int(count), nothing),
        *(ctypes.c_int(0), values, rows, order, support),
    ]
    work, whole = np.empty(1), np.empty(1, np.int32)
    _call("dsyevr", *fixed, work, ctypes.c_int(-1), whole, ctypes.c_int(-1), info)  # asks for sizes
    work, whole = np.empty(int(work[0])), np.empty(int(whole[0]), np.int32)
    _call("dsyevr", *fixed, work, ctypes.c_int(len(work)), whole, ctypes.c_int(len(whole)), info)
    _restore(matrix, diagonal)
    if info.value != 0:
        raise UserError(
            f"modes.solver: dense has not converged (LAPACK's dsyevr: {info.value}); choose lanczos"
        )
    return values[:count].copy(), rows.T if vectors else np.empty((n, 0))


def _restore(matrix: np.ndarray, diagonal: np.ndarray) -> None:
    """Write the upper triangle anew, from the lower one."""
    n = len(matrix)
    for first in range(0, n, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, n)
        block = matrix[first:last, first:last]
        block[:] = np.tril(block, -1) + np.tril(block, -1).T
        matrix[first:last, last:] = matrix[last:, first:last].T
    matrix[np.arange(n), np.arange(n)] = diagonal


def _call(name: str, *arguments: object) -> None:
    assert len(arguments) == ARGUMENTS
    given = [
        argument.ctypes.data if isinstance(argument, np.ndarray) else ctypes.addressof(argument)  # type: ignore[arg-type]
        for argument in arguments
    ]
    _routine(name)(*given)


@cache
def _routine(name: str) -> "ctypes._CFunctionType":
    """A LAPACK routine that SciPy has, as it offers it to Cython; calls let other threads of Python go on."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__[name]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * ARGUMENTS)
    return kind(pointer_of(capsule, name_of(capsule)))
