"""Sums of energies: a force field and a solvent, a restraint, a term of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.energy import AllPairs, Energy
from nnrep.energies.with_gradient import EnergyAndGradient, closed_form


def energy_sum(*parts: Energy) -> Energy:
    """The sum of energies: of their values, gradients, terms, Hessian blocks and all pairs.

    Terms of one name are added. Where a part has no Hessian blocks, the sum has none. Pairs that a part has
    as rows (`Energy.all_pairs`) the sum has as rows.

    Args:
        parts: at least one.
    """
    has_blocks = all(part.has_blocks for part in parts)
    return Energy(
        parameters=tuple(part.parameters for part in parts),
        energy_and_gradient=_EnergyAndGradient(tuple(part.energy_and_gradient for part in parts)),
        terms=_Terms(tuple(part.terms for part in parts)),
        coupling_terms=_Listed(tuple(part.coupling_terms for part in parts)) if has_blocks else None,
        local_terms=_Listed(tuple(part.local_terms for part in parts)) if has_blocks else None,
        padded=_Padded(tuple(part.padded for part in parts)) if all(part.padded for part in parts) else None,
        all_pairs=_all_pairs(parts) if has_blocks else None,
        bounded=all(part.bounded for part in parts),
    )


def _all_pairs(parts: tuple[Energy, ...]) -> AllPairs | None:
    """The pairs of the parts that have any, as one; all other terms are listed."""
    pairs = tuple(part.all_pairs for part in parts)
    if not any(pairs):
        return None
    listed = [own.others if own else part.coupling_terms for own, part in zip(pairs, parts, strict=True)]
    at = tuple(own and own.at for own in pairs)
    return AllPairs(
        row_energies=_RowEnergies(tuple(own and own.row_energies for own in pairs)),
        others=_Listed(tuple(listed)),
        at=_At(at) if any(at) else None,
    )


def with_gradient(energy: Callable[[Any, Array], Array]) -> Callable[[Any, Array], tuple[Array, Array]]:
    """Energy and gradient of an energy (parameters, positions) -> scalar that has no closed form of it."""
    return jax.value_and_grad(energy, argnums=1)


def parts_of(energy: Callable) -> tuple[Partial, ...]:
    """What an energy of positions is the sum of, each positions (n, d) -> scalar, gradient (n, d).

    None where it has no closed form (`Energy.of_positions`).
    """
    whole = closed_form(getattr(energy, "func", None))
    return () if whole is None else _parts(whole, energy.args[0])  # type: ignore[attr-defined]


def _parts(whole: EnergyAndGradient, parameters: Any) -> tuple[Partial, ...]:
    if not isinstance(whole, _EnergyAndGradient):
        return (Partial(whole, parameters),)
    pairs = zip(whole.parts, parameters, strict=True)
    return tuple(each for part, own in pairs for each in _parts(part, own))


# The sums are dataclasses, not closures: equal ones are one function to JAX, and share a compilation.


@dataclass(frozen=True)
class _EnergyAndGradient:
    parts: tuple[Callable[[Any, Array], tuple[Array, Array]], ...]

    def __call__(self, parameters: tuple[Any, ...], positions: Array) -> tuple[Array, Array]:
        energy, gradient = self.parts[0](parameters[0], positions)
        for part, own in zip(self.parts[1:], parameters[1:], strict=True):
            more, slope = part(own, positions)
            energy, gradient = energy + more, gradient + slope
        return energy, gradient


@dataclass(frozen=True)
class _Terms:
    parts: tuple[Callable[[Any, Array], dict[str, Array]], ...]

    def __call__(self, parameters: tuple[Any, ...], positions: Array) -> dict[str, Array]:
        total: dict[str, Array] = {}
        for part, own in zip(self.parts, parameters, strict=True):
            for name, value in part(own, positions).items():
                total[name] = total[name] + value if name in total else value
        return total


@dataclass(frozen=True)
class _Listed:
    parts: tuple[Any, ...]  # parameters -> terms

    def __call__(self, parameters: tuple[Any, ...]) -> tuple[Any, ...]:
        lists = (part(own) for part, own in zip(self.parts, parameters, strict=True))
        return tuple(term for terms in lists for term in terms)


@dataclass(frozen=True)
class _Padded:
    parts: tuple[Any, ...]  # (parameters, n) -> parameters

    def __call__(self, parameters: tuple[Any, ...], n: int) -> tuple[Any, ...]:
        return tuple(part(own, n) for part, own in zip(self.parts, parameters, strict=True))


@dataclass(frozen=True)
class _RowEnergies:
    parts: tuple[Any, ...]  # (parameters, rows, squared distances) -> energies; None for a part without

    def __call__(self, parameters: tuple[Any, ...], rows: Array, squared: Array) -> Array:
        total = jnp.zeros_like(squared)
        for part, own in zip(self.parts, parameters, strict=True):
            if part is not None:
                total += part(own, rows, squared)
        return total


@dataclass(frozen=True)
class _At:
    parts: tuple[Any, ...]  # (parameters, positions) -> parameters; None for those that stay

    def __call__(self, parameters: tuple[Any, ...], positions: Array) -> tuple[Any, ...]:
        pairs = zip(self.parts, parameters, strict=True)
        return tuple(own if part is None else part(own, positions) for part, own in pairs)
