"""`Energy`: an energy of positions as pure functions and their parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device
from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.with_gradient import energy_with

SLOW = "changes_slowly"  # the attribute of functions of energy and gradient that do


class AllPairs(NamedTuple):
    """Terms of two particles that join nearly all of them, to be evaluated some rows at a time.

    Attributes:
        row_energies: (parameters, rows (r,), squared distances (r, n)) -> energies (r, n) of the pairs of
            some particles with all, elementwise in the distances.
        others: parameters, as NumPy arrays -> the terms of two particles that are none of these.
        at: (parameters, positions (n, d)) -> those that `row_energies` takes, where they follow from the
            positions of all particles; in its derivatives they are fixed. None: the parameters themselves.
    """

    row_energies: Callable[[Any, Array, Array], Array]
    others: Callable[[Any], tuple[PairTerm, ...]]
    at: Callable[[Any, Array], Any] | None = None


class Energy(NamedTuple):
    """An energy of positions (n, d); several are summed by `nnrep.energies.sum`.

    The functions are best defined at the level of a module: energies of one shape then share a compilation.

    Attributes:
        parameters: a pytree of arrays.
        energy_and_gradient: (parameters, positions) -> scalar, (n, d).
        terms: (parameters, positions) -> name -> scalar, whose sum is the energy.
        coupling_terms: parameters, as NumPy arrays -> its terms of two particles, each as `PairTerm`.
        local_terms: the same -> its terms of more particles. None, here or above, is an energy that is no
            sum of such terms: its Hessian is taken by products.
        padded: (parameters, as NumPy arrays, n) -> those of n particles, the last without any force, see
            `nnrep.energies.padding`; None for an energy of which every size is a shape of its own.
        all_pairs: those of `coupling_terms` that are O(n^2) in another form, for systems where they are too
            many to be listed; None if there are none.
        bounded: whether it is bounded below wherever particles are. That of point charges is not: two that
            meet fall onto each other for ever.
    """

    parameters: Any
    energy_and_gradient: Callable[[Any, Array], tuple[Array, Array]]
    terms: Callable[[Any, Array], dict[str, Array]]
    coupling_terms: Callable[[Any], tuple[PairTerm, ...]] | None = None
    local_terms: Callable[[Any], tuple[LocalTerm, ...]] | None = None
    padded: Callable[[Any, int], Any] | None = None
    all_pairs: AllPairs | None = None
    bounded: bool = False

    def of_positions(self) -> Partial:
        """positions (n, d) -> scalar, of which JAX takes the given gradient."""
        return Partial(energy_with(self.energy_and_gradient), self.parameters)

    def terms_of_positions(self) -> Partial:
        """positions (n, d) -> name -> scalar."""
        return Partial(self.terms, self.parameters)

    def in_double(self) -> "Energy":
        """The energy with its parameters (NumPy arrays) on the device in double precision."""
        with jax.enable_x64(True):
            return self._replace(parameters=on_device(self.parameters))

    @property
    def has_blocks(self) -> bool:
        """Whether its Hessian is a sum of blocks of few particles."""
        return self.coupling_terms is not None and self.local_terms is not None


def changes_slowly(energy_and_gradient: Callable) -> Callable:
    """Mark a function whose forces change slowly as particles move: dynamics may ask it less often."""
    setattr(energy_and_gradient, SLOW, True)
    return energy_and_gradient


def is_slow(energy_and_gradient: Callable) -> bool:
    """Whether a function is marked so."""
    return bool(getattr(energy_and_gradient, SLOW, False))
