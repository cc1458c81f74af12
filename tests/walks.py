"""A search with a sampler that is as simple as can be: a random walk in two wells."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from nnrep import System, lbfgs
from nnrep.choices.settings import build
from nnrep.exploration.quench import quench_stages
from nnrep.exploration.round import Explorer, Frames
from nnrep.exploration.search import Search
from nnrep.exploration.settings import ExploreConfig
from nnrep.exploration.shape import Shape, same_minimum

LOWER, UPPER = -1.02412, 0.97399  # roots of 20 x (x^2 - 1) + 1, the x of the minima
TEMPERATURES = (1.0, 2.0)


def wells(positions):
    """Two wells in x, of which the left one is lower by about 2; harmonic in y and z."""
    x, y, z = positions.T
    return jnp.sum(5 * (x**2 - 1) ** 2 + x + y**2 + z**2)


class RandomWalk:
    """Each replica stands wherever a random walk has led it; state: positions (2, 1, 3), seed, step."""

    temperatures = TEMPERATURES

    def start(self, seed: int, positions: np.ndarray) -> tuple:
        return (np.stack([positions, positions]), np.array(seed), np.array(0))

    def advance(self, state: Any, steps: int) -> tuple[tuple, Frames]:
        positions, seed, step = state
        for at in range(int(step), int(step) + steps):
            noise = np.random.default_rng([int(seed), at]).normal(size=positions.shape)
            positions = np.clip(positions + 0.3 * noise, -2, 2)
        one = np.ones(1, int)
        frames = Frames(
            positions, np.array([1, 0]), np.array([0.5, 0.25]), np.array(TEMPERATURES), 4 * one, one, one
        )
        return (positions, seed, np.array(step + steps)), frames


def options(**given) -> ExploreConfig:
    short = {"exchange_every": 5, "quench_every": 10, "time_limit_s": None, "temperatures_k": [1.0, 2.0]}
    return build(ExploreConfig, {**short, "quench": {"rms_force": 1e-6}, **given})


def search_of_wells(config: ExploreConfig, seeds=(0,), checkpoint=None) -> tuple[Search, Explorer]:
    system = System(wells, np.array([[0.9, 0.1, 0.0]]))
    explorer = Explorer(system, RandomWalk(), quench_stages(config.quench, "", lbfgs(0.2)), config)
    same = same_minimum(system, config.same)
    fall = config.least_fall(system.energy_unit)
    return Search(seeds, TEMPERATURES, Shape.of(system), same, fall, config, checkpoint), explorer
