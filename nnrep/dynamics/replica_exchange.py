"""A ladder of replicas, each at a temperature of its own, that exchange temperatures (parallel tempering).

`start_ladder` begins one, `advance` takes it some steps further in one program; a `Ladder` is all that there
is to keep, and goes on from where it was to the very same numbers.

What a caller must know:

- Positions are those of the system: about its origin (`System.in_file_frame`), dummies behind the particles
  (`positions[:, :system.n]` are the molecule's).
- Replicas keep their places in all arrays and change temperatures: `rung[r]` says which of
  `temperatures_k` replica r has; `np.argsort(ladder.rung)` are the replicas from cold to hot.
- A start must be free of clashes: minimise it first (`replace(system, positions=...)`). A replica that blows
  up has energies that are not finite, is never exchanged, and does not come back.
- What steps do to averages stands in docs/performance.md: 4 fs need hydrogens of 6 dalton (`MassRule.added`),
  or rigid bonds and hydrogens of up to 3; 4 dalton taken from neighbours are too many for 4 fs. A mass matrix
  (`fastest_period_fs` of 60) bears 8 to 10 fs.
- The mass matrix of `fastest_period_fs` is that of the system's positions: go on with the same ones.
- Numbers are the same however many steps a call takes, if calls take multiples of `exchange_every`.
- Seeds, temperatures, time step, friction and intervals compile nothing anew; a number of temperatures
  does, and so do `outer_every` = 1 beside more, and another padded size.
- Steps are counted in 32 bits: `LAST_STEP` of them, beyond which `advance` and `annealed` refuse to go.
- On CPUs replicas run one after the other on one thread's worth of arithmetic: two ladders in two processes
  use two cores better than one ladder with two threads.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nnrep.dynamics.constraints import put_back
from nnrep.dynamics.langevin import Mechanics, Phase, allowed, kinetic_energy, run_steps, without_drift
from nnrep.dynamics.mechanics import mechanics_of
from nnrep.dynamics.settings import DynamicsSettings
from nnrep.dynamics.units import FS_PER_PS, units_of
from nnrep.energies.arrays import Numbers, on_device
from nnrep.errors import require
from nnrep.host.compilation import WIDELY
from nnrep.host.stored import stored
from nnrep.systems.system import System

AT_START = 12  # Newton steps, as a start may have any bond lengths
COOLINGS, COLDEST = 10, 0.1  # temperatures of an annealing, and the last beside the first
RELAXATIONS = 10.0  # times in which heat flows away, during an annealing
NEVER = 2**30  # steps to an exchange
LAST_STEP = 2**31 - 1  # that a ladder can count
THREEFRY = "threefry2x32"  # whose keys are the two words of `Ladder.key`, whatever JAX's default is
UP, DOWN = 1, 2  # where a replica last was: at the coldest rung, and after it at the hottest


class Ladder(NamedTuple):
    """The state of R replicas; a plain pytree of arrays.

    Attributes:
        positions: (R, n, d).
        velocities: (R, n, d) in length / ps, half a step before the positions.
        key: (2,) uint32, of all random numbers.
        step: () int32, steps that each replica has taken.
        rung: (R,) int32, which temperature each replica has, from cold to hot.
        attempts, accepted: (R - 1,) int32, exchanges of each rung with the next hotter one.
        heading: (R,) int32, 0 before a replica has been at the coldest rung, `UP` after it, `DOWN` after the
            hottest that followed.
        round_trips: (R,) int32, how often it has gone from the coldest rung to the hottest and back.
    """

    positions: Numbers
    velocities: Numbers
    key: Numbers
    step: Numbers
    rung: Numbers
    attempts: Numbers
    accepted: Numbers
    heading: Numbers
    round_trips: Numbers


class Observed(NamedTuple):
    """What a call of `advance` has seen.

    Attributes:
        rungs: (R,) at which the replicas came to the end: an exchange may have followed there, which `Ladder`
            has.
        potential_energies: (R,) of the replicas at the end, in the energy's unit.
        kinetic_temperatures: (R,) of the replicas at the end, in K, of the velocities that they have.
        mean_kinetic_temperatures: (R,) of the rungs, over all steps.
        mean_potential_energies: (R,) of the rungs, before each exchange and at the end.
    """

    rungs: Array
    potential_energies: Array
    kinetic_temperatures: Array
    mean_kinetic_temperatures: Array
    mean_potential_energies: Array


class Schedule(NamedTuple):
    """Numbers of the ladder, traced: kT (R,) in the unit of energy, and steps () between exchanges."""

    thermal: Numbers
    exchange_every: Numbers


def start_ladder(
    system: System, settings: DynamicsSettings, seed: int, positions: np.ndarray | None = None
) -> Ladder:
    """Replicas at one start, with velocities drawn for their temperatures.

    Args:
        system: that moves.
        settings: of the dynamics.
        seed: of all random numbers.
        positions: (n, d) of the start, dummies included or not, free of clashes; None: the system's start of
            this seed.

    Raises:
        ConfigError: settings that the system cannot have.
    """
    mechanics, replicas = mechanics_of(system, settings), len(settings.temperatures_k)
    place = system.start(seed) if positions is None else system.with_dummies(positions[: system.n])
    start = np.repeat(np.asarray(place)[None], replicas, axis=0)
    draws = np.random.default_rng(seed).normal(size=start.shape)
    draws *= np.sqrt(_thermal(system, settings))[:, None, None]
    phase = Phase(*_begun(mechanics, *on_device((start, draws))))
    rung = np.arange(replicas)
    pairs = np.zeros(replicas - 1, int)
    ladder = Ladder(
        positions=phase.positions,
        velocities=phase.velocities,
        key=np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32),
        step=np.zeros((), int),
        rung=rung,
        attempts=pairs,
        accepted=pairs,
        heading=np.where(rung == 0, UP, 0),
        round_trips=np.zeros(replicas, int),
    )
    return _on_device(ladder)


def _on_device(ladder: Ladder) -> Ladder:
    """A ladder of NumPy arrays, as one that was kept has them; the key stays unsigned."""
    placed: Ladder = on_device(ladder._replace(key=jax.device_put(ladder.key)))
    return placed


def advance(
    system: System, settings: DynamicsSettings, ladder: Ladder, steps: int
) -> tuple[Ladder, Observed]:
    """Every replica some steps further, with exchanges of neighbours on the way.

    Args:
        system: that of the ladder.
        settings: that it was started with.
        ladder: where it stands.
        steps: a multiple of `outer_every`.

    Raises:
        ConfigError: steps or settings that cannot be.
    """
    every = settings.outer_every
    require(steps >= every and steps % every == 0, "steps", f"a positive multiple of {every}", steps)
    replicas, wanted = len(ladder.rung), len(settings.temperatures_k)
    require(replicas == wanted, "temperatures_k", f"{replicas}, as many as the ladder has", wanted)
    _require_countable(ladder, steps)
    schedule = Schedule(_thermal(system, settings), np.asarray(settings.exchange_every))
    numbers = on_device((schedule, np.asarray(steps)))
    mechanics = mechanics_of(system, settings)
    ladder, observed = _advanced(mechanics, numbers[0], _on_device(ladder), numbers[1], _side_by_side())
    return ladder, in_kelvin(observed, units_of(system).boltzmann)


def annealed(system: System, settings: DynamicsSettings, ladder: Ladder, steps: int) -> np.ndarray:
    """Positions (R, n, d) of replicas that are annealed; the ladder stays as it is.

    All are cooled from the ladder's lowest temperature to `COLDEST` of it, evenly on a log scale, with a
    friction that takes their heat away in time.

    Args:
        system: that of the ladder.
        settings: that it was started with.
        ladder: where it stands.
        steps: of the cooling, at least; it has `COOLINGS` pieces of a multiple of `outer_every` each.

    Raises:
        ConfigError: settings that cannot be.
    """
    every = settings.outer_every
    piece = every * -(-steps // (COOLINGS * every))
    _require_countable(ladder, COOLINGS * piece)
    duration = COOLINGS * piece * settings.time_step_fs / FS_PER_PS
    numbers = (np.asarray(RELAXATIONS / duration), np.asarray(NEVER), np.asarray(piece))
    friction, never, length = on_device(numbers)
    mechanics = mechanics_of(system, settings)
    mechanics = mechanics._replace(numerics=mechanics.numerics._replace(friction=friction))
    state = _on_device(ladder)
    for thermal in _thermal(system, settings)[0] * np.geomspace(1, COLDEST, COOLINGS):
        schedule = Schedule(on_device(np.full(len(ladder.rung), thermal)), never)
        state, _ = _advanced(mechanics, schedule, state, length, _side_by_side())
    return np.asarray(state.positions)


def _require_countable(ladder: Ladder, steps: int) -> None:
    left = LAST_STEP - int(ladder.step)
    require(steps <= left, "steps", f"at most {left}, as a ladder counts {LAST_STEP} of them", steps)


def _side_by_side() -> bool:
    """Whether replicas run at the same time, which suits accelerators."""
    return jax.default_backend() != "cpu"


def in_kelvin(observed: Observed, boltzmann: float) -> Observed:
    """What was observed with temperatures in kelvin instead of energies; NumPy arrays."""
    energies = jax.tree.map(np.asarray, observed)
    return energies._replace(
        kinetic_temperatures=energies.kinetic_temperatures / boltzmann,
        mean_kinetic_temperatures=energies.mean_kinetic_temperatures / boltzmann,
    )


def _thermal(system: System, settings: DynamicsSettings) -> np.ndarray:
    """Boltzmann's constant times the temperatures (R,)."""
    return units_of(system).boltzmann * np.array(settings.temperatures_k)


class _Sums(NamedTuple):
    """Over the segments of a call, by rung (R,): kinetic energies of steps, potential energies of ends."""

    kinetic: Array
    potential: Array
    segments: Array


@stored
def _begun(mechanics: Mechanics, positions: Array, draws: Array) -> tuple[Array, Array]:
    """Positions (R, n, d) as the constraints allow them, and velocities of draws for unit masses."""
    particles, stars = mechanics.particles, mechanics.stars

    def begin(given: tuple[Array, Array]) -> tuple[Array, Array]:
        x, draw = given
        v = particles.times(particles.root, draw)
        if stars is not None:
            x = put_back(stars, particles, x, x, AT_START)
        return x, allowed(mechanics, x, without_drift(particles, v))

    return jax.lax.map(begin, (positions, draws))


@stored(static_argnames=("side_by_side",), compiler_options=WIDELY)
def _advanced(
    mechanics: Mechanics, schedule: Schedule, ladder: Ladder, steps: Array, side_by_side: bool
) -> tuple[Ladder, Observed]:
    """See `advance`; temperatures are energies here.

    Args:
        mechanics, schedule: of system and settings.
        ladder: where it stands.
        steps: () to take.
        side_by_side: whether replicas run at the same time, which suits accelerators.
    """
    last, replicas = ladder.step + steps, len(ladder.rung)
    energies_of = _over(mechanics.forces.energy, side_by_side)

    def segment(carry: tuple[Ladder, Array, Array, _Sums]) -> tuple[Ladder, Array, Array, _Sums]:
        ladder, _, _, sums = carry
        every = schedule.exchange_every
        length = jnp.minimum(every - ladder.step % every, last - ladder.step)
        key = jax.random.wrap_key_data(ladder.key, impl=THREEFRY)

        def run(given: tuple[Phase, Array, Array]) -> tuple[Phase, Array]:
            phase, thermal, replica = given
            own = jax.random.fold_in(key, replica + 1)
            return run_steps(mechanics, phase, thermal, own, ladder.step, length)

        phases = Phase(ladder.positions, ladder.velocities)
        thermal = schedule.thermal[ladder.rung]
        each = (phases, thermal, jnp.arange(replicas, dtype=jnp.int32))
        phases, kinetic = _over(run, side_by_side)(each)
        energies = energies_of(phases.positions)
        sums = _Sums(
            sums.kinetic.at[ladder.rung].add(kinetic),
            sums.potential.at[ladder.rung].add(energies),
            sums.segments + 1,
        )
        ladder = ladder._replace(
            positions=phases.positions, velocities=phases.velocities, step=ladder.step + length
        )
        return _exchanged(schedule, ladder, energies), ladder.rung, energies, sums

    nothing = jnp.zeros(replicas, ladder.positions.dtype)
    start = ladder, ladder.rung, nothing, _Sums(nothing, nothing, jnp.zeros((), ladder.positions.dtype))
    ladder, rungs, energies, sums = jax.lax.while_loop(lambda carry: carry[0].step < last, segment, start)
    particles = mechanics.particles
    of_kinetic = 2 / particles.freedom
    now = jax.vmap(lambda velocities: kinetic_energy(particles, velocities))(ladder.velocities)
    return ladder, Observed(
        rungs=rungs,
        potential_energies=energies,
        kinetic_temperatures=of_kinetic * now,
        mean_kinetic_temperatures=of_kinetic * sums.kinetic / steps,
        mean_potential_energies=sums.potential / sums.segments,
    )


def _over(function: Callable, side_by_side: bool) -> Callable:
    """A function of one replica as one of all."""
    return jax.vmap(function) if side_by_side else lambda each: jax.lax.map(function, each)


def _exchanged(schedule: Schedule, ladder: Ladder, energies: Array) -> Ladder:
    """The ladder after an exchange, if one is due: of even and of odd pairs of rungs by turns.

    Two neighbours of energies E, E' and 1/kT = b, b' exchange temperatures with probability
    min(1, exp((b - b')(E - E'))), and velocities are scaled to the new one (Sugita, Okamoto, Chem. Phys.
    Lett. 314, 141, 1999).
    """
    replicas, thermal = len(ladder.rung), schedule.thermal
    if replicas == 1:
        return ladder
    order = jnp.argsort(ladder.rung)  # replicas from cold to hot
    ranked, inverse = energies[order], 1 / thermal
    exponent = (inverse[:-1] - inverse[1:]) * (ranked[:-1] - ranked[1:])
    key = jax.random.fold_in(
        jax.random.fold_in(jax.random.wrap_key_data(ladder.key, impl=THREEFRY), 0), ladder.step
    )
    chance = jnp.log(jax.random.uniform(key, exponent.shape, exponent.dtype))
    pairs, count = jnp.arange(replicas - 1, dtype=jnp.int32), ladder.step // schedule.exchange_every
    tried = (pairs % 2 == count % min(2, replicas - 1)) & (ladder.step % schedule.exchange_every == 0)
    accepted = (tried & (chance < exponent)).astype(jnp.int32)
    new = jnp.arange(replicas, dtype=jnp.int32) + jnp.pad(accepted, (0, 1)) - jnp.pad(accepted, (1, 0))
    rung = jnp.zeros_like(ladder.rung).at[order].set(new)
    scale = jnp.sqrt(thermal[rung] / thermal[ladder.rung])
    at_bottom, at_top = rung == 0, rung == replicas - 1
    returned = at_bottom & (ladder.heading == DOWN)
    heading = jnp.where(at_top & (ladder.heading == UP), DOWN, ladder.heading)
    return ladder._replace(
        velocities=ladder.velocities * scale[:, None, None],
        rung=rung,
        attempts=ladder.attempts + tried,
        accepted=ladder.accepted + accepted,
        heading=jnp.where(at_bottom, UP, heading),
        round_trips=ladder.round_trips + returned,
    )
