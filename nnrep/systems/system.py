"""`System`: what is minimised."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.arrays import on_device, on_host
from nnrep.energies.energy import Energy
from nnrep.energies.local import LocalTerm
from nnrep.energies.pairwise import PairTerm
from nnrep.energies.parameters import of_positions, without_parameters
from nnrep.energies.restraints import Restraints
from nnrep.errors import require
from nnrep.host.stored import stored
from nnrep.systems.checks import (
    FUNCTIONS,
    check_attributes,
    check_function,
    check_parameters,
    check_value,
    finite_positions,
    shape_of_value,
)
from nnrep.systems.frozen import Pins, pinned_input, pinned_output, released

if TYPE_CHECKING:
    import ase

    from nnrep.structures.molecule import Molecule

F = TypeVar("F", bound=Callable | None)


class Contacts(NamedTuple):
    """Pairs that should end at a known distance.

    Attributes:
        pairs: (m, 2) particle indices.
        length: the ideal distance.
    """

    pairs: np.ndarray
    length: float


class PairRows(NamedTuple):
    """An energy's terms of two particles where all pairs have one, which are then too many to be listed.

    Attributes:
        row_energies: (rows (r,), squared distances (r, n)) -> energies (r, n) of some particles with all.
        others: the terms of two particles that are none of these.
        at: positions (n, d) -> the parameters of `row_energies` there, see `AllPairs`; None: those it has.
    """

    row_energies: Partial
    others: tuple[PairTerm, ...]
    at: Partial | None = None


def _no_pairs() -> np.ndarray:
    return np.zeros((0, 2), dtype=int)


@dataclass(frozen=True)
class System:
    """An energy and where its minimisation starts.

    Only `energy` and `positions` are needed; any differentiable JAX function of the positions will do.
    Functions of a system are best given as `jax.tree_util.Partial` of a module-level function with its
    arrays as arguments: systems of one shape then share one compilation. `parameters` do the same for the
    energy: systems with one function, one shape and one structure of parameters share their programs.

    Attributes:
        energy: positions (n, d) -> scalar; exact, pure, twice differentiable. With parameters it is given as
            a function of positions and parameters, and is one of the positions once the system is made.
        positions: (n, d) the start.
        name: for tables.
        energy_sample: (positions, key) -> scalar, an unbiased, cheaper estimate of `energy` that the
            minimisation steps use in its place.
        sample_epoch: for how many steps of a stage `energy_sample` is given one and the same key.
        draw_start: key -> (n, d), a random start for each seed, which then takes the place of `positions`;
            without it every seed starts from `positions`.
        runs_per_start: how many seeds that follow one another share a start that is drawn.
        draw_configuration: (key, t) -> (n, d), a configuration at which to sample the Hessian, with t
            in [0, 1] running along the samples; without it, `positions` plus noise.
        hessian_samples: how many such configurations the system wants by default.
        coupling_terms: the energy's pair couplings, for the closed form of the backbone; a function
            where they are too many to be built unless wanted.
        pair_rows: the same couplings of an energy of all pairs in another form, for large systems.
        local_terms: its terms of three and more particles, which belong to the backbone as well.
        background_terms: () -> the remaining pair terms, too many to be built unless asked for.
        edges: (m, 2) the graph of couplings.
        edge_weights: (m,) how strongly these couple; None where that is not known.
        bonds: neighbours along the chain and their ideal distance.
        contacts: pairs further along the chain that should touch, and their ideal distance.
        energy_bound: a lower bound of the energy, if known.
        bounded: whether the energy is known to be bounded below wherever particles are. Where it is not, a
            structure in which two atoms lie in one place is no minimum.
        reference: (n, d) the native structure, whatever the start.
        energy_terms: positions -> name -> scalar, the parts of the energy.
        measure: positions -> name -> scalar, what the history follows beside the energy (RMSD, ...).
        node_features: (n, f) fixed features of the particles, from 0 to 1.
        residues: number of residues; 0 for what has none.
        molecule: what structure files are written from; None of what is no molecule.
        trace: (m,) the particles that are drawn as a chain; None for all.
        masses: (n,) of the particles, in dalton.
        energy_unit: for tables and pictures; empty for dimensionless systems.
        length_unit: likewise.
        energy_definition: what the energy is, in words for pictures, where it is no sum: "mean over pairs".
        mean_over: of about how many terms it is the mean; 1 where it is their sum.
        exact: the energy with its parameters in double precision, of which energies are reported in processes
            of single precision; None: reported energies are those of `energy`.
        origin: (d,) of the positions, in the frame of the molecule's file: a system lies about zero, where
            single precision resolves most, and results are moved back. None: the frames are one.
        dummies: how many of the particles are none of the system's, see `nnrep.energies.padding`: the last
            ones, on which nothing acts, and which no result has.
        frozen: (n,) whether each particle, dummies left out, never moves: it stays where `positions` has it,
            whatever seed, map and optimiser, and has no part in RMS forces and modes. None: all move. The
            energy is then pinned, see `nnrep.systems.frozen`.
        restraints: harmonic restraints that are a part of the energy, for engines that have an energy of
            their own and need them apart.
        container_radius: of a sphere in which dynamics hold particles that evaporate; None: they need none.
        parameters: any pytree of numbers and arrays that is the second argument of the energy, traced: on the
            device in the process's precision. None: the energy takes none. `dataclasses.replace(system,
            parameters=...)` is the same system with other ones.
    """

    energy: Callable[..., Array]
    positions: Array
    name: str = "custom"
    energy_sample: Callable[[Array, Array], Array] | None = None
    sample_epoch: int = 1
    draw_start: Callable[[Array], Array] | None = None
    runs_per_start: int = 1
    draw_configuration: Callable[[Array, Array], Array] | None = None
    hessian_samples: int = 10
    coupling_terms: tuple[PairTerm, ...] | Callable[[], tuple[PairTerm, ...]] = ()
    pair_rows: PairRows | None = None
    local_terms: tuple[LocalTerm, ...] = ()
    background_terms: Callable[[], tuple[PairTerm, ...]] | None = None
    edges: np.ndarray = field(default_factory=_no_pairs)
    edge_weights: np.ndarray | None = None
    bonds: Contacts | None = None
    contacts: Contacts | None = None
    energy_bound: float | None = None
    bounded: bool = False
    reference: Array | None = None
    energy_terms: Callable[[Array], dict[str, Array]] | None = None
    measure: Callable[[Array], dict[str, Array]] | None = None
    node_features: Array | None = None
    residues: int = 0
    molecule: "Molecule | None" = None
    trace: np.ndarray | None = None
    masses: np.ndarray | None = None
    energy_unit: str = ""
    length_unit: str = ""
    energy_definition: str = ""
    mean_over: int = 1
    exact: Energy | None = None
    origin: np.ndarray | None = None
    dummies: int = 0
    frozen: np.ndarray | None = None
    restraints: Restraints | None = None
    container_radius: float | None = None
    parameters: Any = None

    def __post_init__(self) -> None:
        """Check the positions and the energy's shape.

        Raises:
            ConfigError: naming the argument: positions that are not a finite (n, d) array, an energy that
                is not a scalar, parameters that are not numbers.
        """
        positions = on_device(finite_positions(self.positions))
        object.__setattr__(self, "positions", positions)
        for name in FUNCTIONS:  # of a system that this one was made of by `replace`
            object.__setattr__(self, name, released(getattr(self, name)))
        check_attributes(self)
        if self.frozen is not None:
            object.__setattr__(self, "frozen", np.asarray(self.frozen))
        more = () if self.parameters is None else ("parameters",)
        check_function("energy", without_parameters(self.energy) if more else self.energy, more)
        for name in FUNCTIONS:
            if name != "energy":
                check_function(name, getattr(self, name))
            object.__setattr__(self, name, as_partial(getattr(self, name)))
        if self.parameters is not None:
            check_parameters(self.parameters)
            object.__setattr__(self, "parameters", on_device(self.parameters))
            object.__setattr__(self, "energy", of_positions(self.energy, self.parameters))
        if self.pins is not None:
            for name, function in self._pinned().items():
                object.__setattr__(self, name, function)
        check_value(shape_of_value(self.energy, positions))

    @classmethod
    def from_ase(
        cls, atoms: "ase.Atoms", energy: Callable[[Array], Array] | None = None, name: str | None = None
    ) -> "System":
        """The system of ASE's atoms, in eV and Angstrom; `FixAtoms` are frozen particles, the cell stays.

        The energy is a JAX function where one is given, or where the calculator has one that is called
        `jax_energy`, as `nnrep.ase.Calculator` does. Any other calculator is asked on the host, from within
        the compiled loop: each evaluation takes as long as the calculator does, and derivatives of its forces
        are differences of them. Steps then see energies in the precision of the process, in which large ones
        lose digits: set `jax_enable_x64` first. Reported ones are in double precision.

        Args:
            atoms: an ase.Atoms.
            energy: positions (n, 3) in Angstrom -> eV, a JAX function that takes the calculator's place.
            name: for tables; None for the formula.

        Raises:
            ConfigError: no atoms, no energy, a calculator without forces, or other constraints.
        """
        from nnrep.systems.ase_energy import system_from_ase  # which makes systems of this class

        return system_from_ase(atoms, energy, name)

    @property
    def n(self) -> int:
        """Number of particles, without dummies."""
        return self.positions.shape[0] - self.dummies

    @property
    def free(self) -> np.ndarray:
        """Indices (m,) of the particles that may move."""
        return np.arange(self.n) if self.frozen is None else np.flatnonzero(~self.frozen)

    @property
    def n_free(self) -> int:
        """How many particles may move."""
        return self.n if self.frozen is None else len(self.free)

    @property
    def particles(self) -> np.ndarray | None:
        """(whole,) 1 for each particle that may move, 0 for frozen ones and dummies; None if all may."""
        if self.dummies == 0 and self.frozen is None:
            return None
        return np.isin(np.arange(len(self.positions)), self.free).astype(self.positions.dtype)

    @property
    def is_held(self) -> bool:
        """Whether some of its particles are frozen or restrained, so that it matters where the others lie."""
        return self.frozen is not None or self.restraints is not None

    @property
    def pins(self) -> Pins | None:
        """The frozen particles and their places; None if there are none."""
        if self.frozen is None:
            return None
        return Pins(on_device(np.pad(self.frozen, (0, self.dummies))[:, None]), self.positions)

    @property
    def exact_energy(self) -> Partial | None:
        """`exact` as a function of the positions."""
        return None if self.exact is None else pinned_input(self.exact.of_positions(), self.pins)

    def _pinned(self) -> dict[str, Partial]:
        """The functions that see, or give, all particles where they are."""
        given = {name: getattr(self, name) for name in ("energy", "energy_sample")}
        drawn = {name: getattr(self, name) for name in ("draw_start", "draw_configuration")}
        return {
            **{name: pinned_input(each, self.pins) for name, each in given.items() if each is not None},
            **{name: pinned_output(each, self.pins) for name, each in drawn.items() if each is not None},
        }

    def with_dummies(self, positions: np.ndarray) -> np.ndarray:
        """Positions (n, d) of the particles, and behind them those of the dummies at the start."""
        return np.concatenate([positions, np.asarray(self.positions)[self.n :]])

    def in_double(self) -> "System":
        """The system with its energy in double precision, where it has one; in a process that computes so."""
        return self if self.exact is None else replace(self, **of_energy(self.exact), exact=None)

    def in_file_frame(self, positions: np.ndarray) -> np.ndarray:
        """Positions (..., d) of the system in the frame of its file, in double precision."""
        return positions if self.origin is None else positions + self.origin

    def from_file_frame(self, positions: np.ndarray) -> np.ndarray:
        """The inverse of `in_file_frame`."""
        return positions if self.origin is None else positions - self.origin

    def start(self, seed: int, attempt: int = 0) -> Array:
        """Positions (n, d) from which the replica of this seed starts; each attempt draws another one."""
        if self.draw_start is None:
            return self.positions
        start = drawn(self.draw_start, seed // self.runs_per_start, attempt)
        shape = self.positions.shape
        require(start.shape == shape, "draw_start", f"a function that draws positions {shape}", start.shape)
        return start


def of_energy(energy: Energy) -> dict[str, Any]:
    """The attributes of a `System` that follow from its energy."""
    blocks: dict[str, Any] = {}
    if energy.coupling_terms is not None and energy.local_terms is not None:
        parameters = on_host(energy.parameters)
        blocks["coupling_terms"] = partial(energy.coupling_terms, parameters)
        blocks["local_terms"] = energy.local_terms(parameters)
        if energy.all_pairs is not None:
            of_rows = Partial(energy.all_pairs.row_energies, energy.parameters)
            at = None if energy.all_pairs.at is None else Partial(energy.all_pairs.at, energy.parameters)
            blocks["pair_rows"] = PairRows(of_rows, energy.all_pairs.others(parameters), at)
    return {
        "energy": energy.of_positions(),
        "energy_terms": energy.terms_of_positions(),
        "bounded": energy.bounded,
        **blocks,
    }


def with_energy(system: System, more: Energy) -> System:
    """The system with another energy added to its own: a restraint, a term of one's own.

    Its terms join the table of terms, and reported energies have the precision of the process. Where the new
    energy has no Hessian blocks, or the system none, the Hessian of the sum is taken by products.

    Args:
        system: any system.
        more: parameters and functions of the energy that is added.
    """
    own = released(system.energy)  # the sum has the pins, which another start changes
    parts = (own, more.of_positions())
    sampled = released(system.energy_sample)
    own_terms = system.energy_terms or Partial(_one_term, own)
    return replace(
        system,
        energy=Partial(_total, parts),
        energy_sample=None if sampled is None else Partial(_sampled_total, sampled, parts[1]),
        energy_terms=Partial(_joined, own_terms, more.terms_of_positions()),
        energy_bound=None,
        bounded=system.bounded and more.bounded,
        parameters=None,  # they are in the parts
        exact=None,  # an energy of one's own may hold arrays of one precision
        **_joined_blocks(system, more),
    )


def _joined_blocks(system: System, more: Energy) -> dict[str, Any]:
    known = bool(system.coupling_terms or system.local_terms)
    if not known or more.coupling_terms is None or more.local_terms is None:
        return {"coupling_terms": (), "local_terms": (), "background_terms": None, "pair_rows": None}
    coupling = partial(_coupling_terms, system.coupling_terms, more)
    parameters, rows = on_host(more.parameters), system.pair_rows
    if rows is not None:
        rows = None if more.all_pairs else rows._replace(others=rows.others + more.coupling_terms(parameters))
    local = system.local_terms + more.local_terms(parameters)
    return {"coupling_terms": coupling, "local_terms": local, "pair_rows": rows}


def _coupling_terms(
    own: tuple[PairTerm, ...] | Callable[[], tuple[PairTerm, ...]], more: Energy
) -> tuple[PairTerm, ...]:
    assert more.coupling_terms is not None
    return (own() if callable(own) else own) + more.coupling_terms(on_host(more.parameters))


def _total(parts: tuple[Partial, ...], positions: Array) -> Array:
    return sum((part(positions) for part in parts[1:]), parts[0](positions))


def summands(energy: Callable) -> tuple[Callable, ...]:
    """The energies that `with_energy` has added to one another; any other energy alone."""
    is_sum = getattr(energy, "func", None) is _total
    return energy.args[0] if is_sum else (energy,)  # type: ignore[attr-defined]


def _sampled_total(sampled: Partial, exact: Partial, positions: Array, key: Array) -> Array:
    return sampled(positions, key) + exact(positions)


def _one_term(energy: Partial, positions: Array) -> dict[str, Array]:
    return {"system": energy(positions)}


def _joined(own: Partial, more: Partial, positions: Array) -> dict[str, Array]:
    terms = dict(own(positions))
    for name, value in more(positions).items():
        terms[name] = terms[name] + value if name in terms else value
    return terms


@stored
def drawn(draw_start: Partial, seed: int, attempt: int) -> Array:
    """The start (n, d) of a seed; each attempt draws another one."""
    key = start_key(seed)
    return draw_start(jnp.where(attempt > 0, jax.random.fold_in(key, attempt), key))


def start_key(seed: int) -> Array:
    """The key that draws a seed's start; stages of the minimisation draw from other branches."""
    return jax.random.fold_in(jax.random.key(seed), 0)


def perturbed(positions: Array, scale: float | Array, key: Array, t: Array | None = None) -> Array:
    """Positions with Gaussian noise of this standard deviation, whatever t: a `draw_configuration`."""
    return positions + scale * jax.random.normal(key, positions.shape, positions.dtype)


def as_partial(function: F) -> F:
    """The function as a pytree, so that it can be an argument of a compiled function."""
    if function is None or not jax.tree_util.all_leaves([function]):
        return function
    return Partial(function)  # type: ignore[return-value]
