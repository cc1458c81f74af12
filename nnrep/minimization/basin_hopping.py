"""Basin hopping as an optax transformation: a descent, a random move, the next descent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from nnrep.errors import AsCode, is_number, require
from nnrep.minimization.optimizers.optimizer import Lowest, Optimizer, as_optimizer


class Moves(NamedTuple):
    """Numbers of basin hopping.

    Attributes:
        size: of a move; every number moves by at most so much, evenly distributed.
        temperature: in the energy's unit: a rise by E is accepted with probability exp(-E / temperature).
        rest: largest component of the gradient at which a descent has come to its end.
        longest: steps after which it ends wherever it is.
        surface: of what is moved by its positions (n, d): particles that are bound by less than this share of
            the mean are put on the surface, see `on_surface`; None: none are.
    """

    size: float | Array
    temperature: float | Array
    rest: float | Array
    longest: int | Array
    surface: float | Array | None = None

    def check(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: naming the number out of range.
        """
        for name in ("size", "rest"):
            value = getattr(self, name)
            usable = is_number(value) and 0 < value < np.inf
            require(usable, name, "positive", AsCode(value))
        degrees = self.temperature
        usable = is_number(degrees) and 0 <= degrees < np.inf
        require(usable, "temperature", "zero or positive", AsCode(degrees))
        counted = is_number(self.longest) and 1 <= self.longest < 2**31
        require(counted, "longest", "from 1 to 2^31 - 1", AsCode(self.longest))
        share = self.surface
        usable = share is None or (is_number(share) and 0 <= share < 1)
        require(usable, "surface", "a share from 0 to less than 1, or null for none", AsCode(share))


class HoppingState(NamedTuple):
    """Where the search stands.

    Attributes:
        lowest: the lowest point so far.
        inner: of the descent.
        origin: the minimum from which the last move was made.
        steps: () of this descent.
        moves: () so far.
    """

    lowest: Lowest
    inner: Any
    origin: Lowest
    steps: Array
    moves: Array


def by_hopping(descent: optax.GradientTransformation, moves: Moves) -> optax.GradientTransformationExtraArgs:
    """Basin hopping (Wales and Doye, J. Phys. Chem. A 101, 5111, 1997) in what a map moves.

    A descent that has come to rest is accepted or not, as Metropolis has it, against the minimum before; then
    all numbers of the accepted one move at random, and the descent begins anew.

    Args:
        descent: the optimiser that goes down.
        moves: see `Moves`.

    Returns:
        A transformation whose `update` wants the loss as `value`, and a `key`.
    """
    downward = optax.with_extra_args_support(descent)

    def init(params: Any) -> HoppingState:
        zero = jnp.zeros((), int)
        nowhere = Lowest(params, jnp.full((), jnp.inf, jnp.result_type(float)))
        return HoppingState(nowhere, downward.init(params), nowhere, zero, zero)

    def update(
        gradient: Any, state: HoppingState, params: Any, *, value: Array, key: Array, **more: Any
    ) -> tuple[Any, HoppingState]:
        here = Lowest(params, value.astype(state.lowest.value.dtype))
        lowest = _where(value < state.lowest.value, here, state.lowest)
        largest = jnp.stack([jnp.max(abs(leaf)) for leaf in jax.tree.leaves(gradient)]).max()
        # Also where a number is not finite.
        ended = ~(largest >= moves.rest) | ~jnp.isfinite(value) | (state.steps + 1 >= moves.longest)

        def descend() -> tuple[Any, HoppingState]:
            step, inner = downward.update(gradient, state.inner, params, value=value, key=key, **more)
            on = state._replace(inner=inner, lowest=lowest, steps=state.steps + 1)
            return step, _like(on, state)

        def hop() -> tuple[Any, HoppingState]:
            of_choice, of_move = jax.random.split(jax.random.fold_in(key, state.moves))
            most = -moves.temperature * jnp.log(jax.random.uniform(of_choice, (), here.value.dtype))
            origin = _where(here.value - state.origin.value < most, here, state.origin)
            start = _moved(of_move, origin.params, moves)
            none = jnp.zeros((), int)
            moved = HoppingState(lowest, downward.init(start), origin, none, state.moves + 1)
            return jax.tree.map(jnp.subtract, start, params), _like(moved, state)

        return jax.lax.cond(ended, hop, descend)

    return optax.GradientTransformationExtraArgs(init, update)


def _moved(key: Array, params: Any, moves: Moves) -> Any:
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(key, 2 * len(leaves))
    moved = [
        leaf + moves.size * jax.random.uniform(own, leaf.shape, leaf.dtype, -1, 1)
        for own, leaf in zip(keys[::2], leaves, strict=True)
    ]
    if moves.surface is not None:
        placed = (on_surface(own, leaf, moves.surface) for own, leaf in zip(keys[1::2], leaves, strict=True))
        moved = [jnp.where(loose, place, leaf) for (loose, place), leaf in zip(placed, moved, strict=True)]
    return jax.tree.unflatten(tree, moved)


def on_surface(key: Array, positions: Array, share: float | Array) -> tuple[Array, Array]:
    """The angular move of Wales and Doye, who take pair energies; r^-6, their attraction, has no unit to set.

    Args:
        key: of the draw.
        positions: (n, d) of particles of one kind.
        share: of the mean over particles of the sum over the others of r^-6, below which one is loose.

    Returns:
        Which particles are loose (n, 1), and for each a place (n, d) on the sphere around all, or, where some
        have flown off, around the others and the shortest distance further out.
    """
    squared = sum((x[:, None] - x[None]) ** 2 for x in positions.T)
    itself = jnp.eye(len(positions), dtype=bool)
    squared = jnp.where(itself, jnp.inf, squared)
    bound = jnp.sum(1 / squared**3, axis=1, keepdims=True)
    loose = bound < share * bound.mean()
    middle = jnp.mean(positions, axis=0, where=~loose)
    distance = jnp.linalg.norm(positions - middle, axis=1, keepdims=True)
    around_others = jnp.max(distance, where=~loose, initial=0) + jnp.sqrt(squared.min())
    radius = jnp.minimum(distance.max(), around_others)
    direction = jax.random.normal(key, positions.shape, positions.dtype)
    direction /= jnp.linalg.norm(direction, axis=1, keepdims=True)
    return loose, middle + radius * direction


def _where(condition: Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), one, other)


def _like(state: Any, wanted: Any) -> Any:
    """The state in the types of another one: a loop must be given what it gives back."""
    return jax.tree.map(lambda x, y: jnp.asarray(x).astype(y.dtype), state, wanted)


def hopping(
    descent: Optimizer | optax.GradientTransformation,
    size: float = 0.4,
    temperature: float = 1.0,
    rest: float = 0.05,
    longest: int = 1000,
    surface: float | None = None,
) -> Optimizer:
    """Basin hopping, see `by_hopping`; a stage of it ends at the lowest point that it has met.

    The numbers are those of Lennard-Jones clusters in reduced units.

    Args:
        descent: what goes down, for instance `lbfgs(0.2)`; of nnrep or any optax transformation.
        size: every number that the map moves is changed by at most so much.
        temperature: in the energy's unit; 0 accepts lower minima only.
        rest: largest component of the gradient at the end of a descent.
        longest: most steps of a descent.
        surface: for the positions (n, d) of particles of one kind that form a cluster: those that are bound
            by less than this share of the mean, by the sum over the others of r^-6, are put on a random place
            of the sphere around all; None: none are.

    Raises:
        ConfigError: a number out of range, or no optimiser.
    """
    moves, inner = Moves(size, temperature, rest, longest, surface), as_optimizer(descent)
    moves.check()
    return Optimizer(_Build(inner.build), (inner.hyperparameters, moves))


@dataclass(frozen=True)
class _Build:
    """Builds the transformation; equal for the same descent."""

    descent: Callable[[Any], optax.GradientTransformation]

    def __call__(self, hyperparameters: Any) -> optax.GradientTransformation:
        of_descent, moves = hyperparameters
        return by_hopping(self.descent(of_descent), moves)
