"""Lennard-Jones and Coulomb with a cutoff, as OpenMM's CutoffNonPeriodic has them.

The cost grows as n, but for a test of all pairs of blocks of 32 atoms.

Within the cutoff R, Lennard-Jones is multiplied by the switch S(r) = 1 - 10 x^3 + 15 x^4 - 6 x^5 with
x = (r - R_s) / (R - R_s) beyond R_s, and Coulomb has a reaction field, q (1/r + k r^2 - c) with
k = (eps - 1) / (2 eps + 1) / R^3 and c = 3 eps / (2 eps + 1) / R (Tironi et al., J. Chem. Phys. 102, 5451,
1995).
Exceptions (excluded and 1-4 pairs) have their own numbers, whatever their distance, and neither of these.

Which atoms are near is found at every evaluation: atoms are put in an order along which neighbours are near
in space and cut into blocks; blocks whose boxes are within the cutoff are evaluated with each other. Where
there are more of these than there is room for, as in a crowded cloud, all pairs are taken row by row: the
energy is the same.

Units: nm, kJ/mol.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial

from nnrep.energies.all_pairs import by_row_blocks, gradient_of, row_sum, squared_distances, with_ones
from nnrep.energies.arrays import Numbers
from nnrep.energies.nonbonded import (
    Atoms,
    PairTable,
    inverse_powers,
    padded_pairs,
    pair_energies,
    pair_slopes,
    pair_table,
    pair_terms,
    whole_pair_table,
)
from nnrep.energies.pairwise import PairTerm

TILE = 32  # atoms of a block
STRIP = 32  # blocks that are evaluated with one at a time
MOST_NEIGHBOURS = 96  # blocks near a block and after it, on average, for which there is room
CELL = 0.3  # nm, of the grid that orders atoms
CELLS = 1024  # along an axis, at most


class CutoffPairs(NamedTuple):
    """All pairs of a molecule with a cutoff.

    Attributes:
        atoms: what their numbers follow from, and the exceptions.
        cutoff: R.
        switch: R_s, where the switch begins; R for none.
        inverse_width: 1 / (R - R_s); zero for none.
        field: k of the reaction field.
        shift: c of the reaction field.
    """

    atoms: Atoms
    cutoff: Numbers
    switch: Numbers
    inverse_width: Numbers
    field: Numbers
    shift: Numbers


class Rule(NamedTuple):
    """The numbers of `CutoffPairs` without its atoms."""

    cutoff: Array
    switch: Array
    inverse_width: Array
    field: Array
    shift: Array


def rule_of(pairs: CutoffPairs) -> Rule:
    """What all pairs share."""
    return Rule(*pairs[1:])


def padded_cutoff_pairs(pairs: CutoffPairs, n: int) -> CutoffPairs:
    """The pairs of a molecule of n particles after padding, see `nnrep.energies.padding`; NumPy arrays."""
    atoms = padded_pairs(pairs.atoms, n)
    assert isinstance(atoms, Atoms)
    return pairs._replace(atoms=atoms)


def cut_energies(rule: Rule, table: PairTable, squared: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of pairs that are no exceptions, each of the table's shape."""
    _, sixth, inverse_r, x = _powers(rule, squared)
    switch = 1 - x**3 * (10 - 15 * x + 6 * x * x)
    lennard_jones = switch * (table.repulsion * sixth - table.attraction) * sixth
    coulomb = table.charge * (inverse_r + rule.field * squared - rule.shift)
    within = squared < rule.cutoff**2
    return jnp.where(within, lennard_jones, 0), jnp.where(within, coulomb, 0)


def cut_slopes(rule: Rule, table: PairTable, squared: Array) -> Array:
    """-(dE/dr) / r of such pairs: times x_i - x_j it is the force on i."""
    inverse, sixth, inverse_r, x = _powers(rule, squared)
    switch = 1 - x**3 * (10 - 15 * x + 6 * x * x)
    change = -30 * (x * (1 - x)) ** 2 * rule.inverse_width * inverse_r  # dS/dr / r
    energy = (table.repulsion * sixth - table.attraction) * sixth
    steepness = (12 * table.repulsion * sixth - 6 * table.attraction) * sixth * inverse
    coulomb = table.charge * (inverse_r * inverse - 2 * rule.field)
    return jnp.where(squared < rule.cutoff**2, switch * steepness - change * energy + coulomb, 0)


def _powers(rule: Rule, squared: Array) -> tuple[Array, Array, Array, Array]:
    """r^-2, r^-6, r^-1, and x of the switch."""
    inverse_r, inverse, sixth = inverse_powers(squared)
    x = jnp.clip((squared * inverse_r - rule.switch) * rule.inverse_width, 0, 1)
    return inverse, sixth, inverse_r, x


def cutoff_row_energies(pairs: CutoffPairs, rows: Array, squared: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energies (r, n) of atoms `rows` (r,) with all, at squared distances."""
    table, own = pair_table(pairs.atoms, rows), _exceptional(pairs.atoms, rows)
    cut, plain = cut_energies(rule_of(pairs), table, squared), pair_energies(table, squared)
    lennard_jones, coulomb = (jnp.where(own, one, other) for one, other in zip(plain, cut, strict=True))
    return lennard_jones, coulomb


def _exceptional(atoms: Atoms, rows: Array) -> Array:
    """Which pairs (r, n) of atoms `rows` are exceptions, those of an atom with itself among them."""
    none = jnp.zeros((len(rows), len(atoms.charge)), bool)
    return none.at[jnp.arange(len(rows))[:, None], atoms.partners[rows]].set(True)


def cutoff_energies(pairs: CutoffPairs, coordinates: Array) -> tuple[Array, Array]:
    """Lennard-Jones and Coulomb energy of all pairs at coordinates (3, n): two scalars, row by row."""

    def of_rows(rows: Array) -> tuple[Array, ...]:
        squared = squared_distances(coordinates[:, rows], coordinates)
        return tuple(map(row_sum, cutoff_row_energies(pairs, rows, squared)))

    lennard_jones, coulomb = by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(lennard_jones), 0.5 * jnp.sum(coulomb)


def cutoff_energy_and_gradient(pairs: CutoffPairs, coordinates: Array) -> tuple[Array, Array]:
    """Energy, and its gradient (3, n), of all pairs at coordinates (3, n)."""
    energy, gradient = _of_exceptions(pairs.atoms, coordinates)
    tiles = _tiles(coordinates, pairs.cutoff)
    others, slope = jax.lax.cond(
        tiles.needed <= len(tiles.rows), _by_tiles, _by_rows, pairs, tiles, coordinates
    )
    return energy + others, gradient + slope


def _of_exceptions(atoms: Atoms, coordinates: Array) -> tuple[Array, Array]:
    """Energy and gradient of the exceptions, each of which is listed with both its atoms."""
    difference = coordinates[:, :, None] - coordinates[:, atoms.partners]  # (3, n, m)
    squared = jnp.sum(difference**2, axis=0)
    lennard_jones, coulomb = pair_energies(atoms.exceptions, squared)
    energy = 0.5 * jnp.sum(row_sum(lennard_jones + coulomb))
    return energy, -jnp.sum(pair_slopes(atoms.exceptions, squared) * difference, axis=2)


def _by_rows(pairs: CutoffPairs, tiles: "Tiles", coordinates: Array) -> tuple[Array, Array]:
    rule = rule_of(pairs)

    def of_rows(rows: Array) -> tuple[Array, Array]:
        table, own = pair_table(pairs.atoms, rows), _exceptional(pairs.atoms, rows)
        difference = coordinates[:, rows, None] - coordinates[:, None]
        squared = jnp.sum(difference**2, axis=0)
        energies = jnp.where(own, 0, sum(cut_energies(rule, table, squared)))
        slopes = jnp.where(own, 0, cut_slopes(rule, table, squared))
        return row_sum(energies), -jnp.sum(slopes * difference, axis=2).T

    energies, gradient = by_row_blocks(of_rows, coordinates.shape[1])
    return 0.5 * jnp.sum(energies), gradient.T


class Tiles(NamedTuple):
    """Which blocks of atoms are near each other: strips of one block with up to `STRIP` others.

    Attributes:
        order: (b TILE,) the atom at each place of the order; the last one is repeated to fill up its block.
        rows: (t,) the block of each strip.
        columns: (t, STRIP) the others, which come after it in the order or are itself; see `filled`.
        filled: (t, STRIP) which of them are meant.
        slots: (b, b) of a pair of blocks its place in `columns`, counted through; t STRIP for none.
        needed: () number of strips that there are, or would be if there were room for them.
    """

    order: Array
    rows: Array
    columns: Array
    filled: Array
    slots: Array
    needed: Array


def most_strips(n: int) -> int:
    """Room for strips of near blocks of n atoms."""
    blocks = -(-n // TILE)
    return blocks * -(-min(blocks, MOST_NEIGHBOURS) // STRIP)


def _tiles(coordinates: Array, cutoff: Array) -> Tiles:
    n = coordinates.shape[1]
    blocks, most = -(-n // TILE), most_strips(n)
    fixed = jax.lax.stop_gradient(coordinates)
    order = jnp.argsort(_along_curve(fixed))
    order = order[jnp.minimum(jnp.arange(blocks * TILE), n - 1)]
    boxed = fixed[:, order].reshape(3, blocks, TILE)
    low, high = boxed.min(axis=2), boxed.max(axis=2)
    gap = jnp.maximum(0, jnp.maximum(low[:, :, None] - high[:, None], low[:, None] - high[:, :, None]))
    later = jnp.triu(jnp.ones((blocks, blocks), bool))
    near = later & (jnp.sum(gap**2, axis=0) < (1 + 1e-5) * cutoff**2)  # no pair is lost by rounding
    strips = -(-jnp.sum(near, axis=1) // STRIP)
    sums = jnp.cumsum(strips)
    rows = jnp.minimum(jnp.searchsorted(sums, jnp.arange(most), side="right"), blocks - 1)
    rank = jnp.cumsum(near, axis=1) - 1
    slots = jnp.where(near, jnp.minimum(STRIP * (sums - strips)[:, None] + rank, STRIP * most), STRIP * most)
    numbers = jnp.broadcast_to(jnp.arange(blocks), slots.shape)
    columns = jnp.full(STRIP * most, -1).at[slots].set(numbers, mode="drop").reshape(most, STRIP)
    return Tiles(order, rows, jnp.maximum(columns, 0), columns >= 0, slots, sums[-1])


def _along_curve(coordinates: Array) -> Array:
    """Places (n,) along Morton's curve through a grid of cells: the bits of x, y and z by turns."""
    low = coordinates.min(axis=1, keepdims=True)
    size = jnp.maximum(CELL, jnp.max(coordinates - low) / (CELLS - 1))
    # What is not finite ends up in some cell: the energy is not finite then, whatever the order.
    cells = jnp.clip(jnp.nan_to_num((coordinates - low) / size), 0, CELLS - 1).astype(jnp.int32)
    return _spread(cells[0]) | _spread(cells[1]) << 1 | _spread(cells[2]) << 2


def _spread(x: Array) -> Array:
    """Ten bits with two zeros behind each."""
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
        x = (x | x << shift) & mask
    return x


def _by_tiles(pairs: CutoffPairs, tiles: Tiles, coordinates: Array) -> tuple[Array, Array]:
    atoms, rule, n = pairs.atoms, rule_of(pairs), coordinates.shape[1]
    blocks = len(tiles.slots)
    allowed = _allowed(atoms, tiles)

    def in_blocks(values: Array) -> Array:
        return values[tiles.order].reshape(blocks, TILE)

    x = jnp.stack([in_blocks(row) for row in coordinates], axis=1)  # (b, 3, TILE)
    numbers = jnp.stack([in_blocks(each) for each in atoms[:3]], axis=1)

    def add_strip(strip: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        energy, gradient = sums
        i, j = tiles.rows[strip], tiles.columns[strip]
        # About the block's own place: what cancels in the sums below is then as small as the cutoff.
        centre = x[i, :, :1]
        rows, columns = x[i] - centre, _side_by_side(x[j]) - centre
        table, squared = _table_of(numbers[i], _side_by_side(numbers[j])), squared_distances(rows, columns)
        # What does not count is put where there is nothing; a tile with itself has its pairs twice.
        squared = jnp.where(allowed[strip], squared, rule.cutoff**2)
        share = jnp.repeat(jnp.where(i == j, 0.5, 1.0).astype(x.dtype), TILE)
        lennard_jones, coulomb = cut_energies(rule, table, squared)
        energy += jnp.sum((lennard_jones + coulomb) @ share)
        slopes = cut_slopes(rule, table, squared) * share
        on_rows = gradient_of(rows, with_ones(columns) @ slopes.T)
        on_columns = gradient_of(columns, with_ones(rows) @ slopes)
        each = jnp.moveaxis(on_columns.reshape(3, STRIP, TILE), 0, 1)
        return energy, gradient.at[i].add(on_rows).at[j].add(each)

    start = jnp.zeros((), x.dtype), jnp.zeros_like(x)
    energy, gradient = jax.lax.fori_loop(0, tiles.needed, add_strip, start)
    columns = jnp.moveaxis(gradient, 0, 1).reshape(3, -1)[:, :n]  # the atoms that fill up have no pairs
    return energy, jnp.zeros_like(coordinates).at[:, tiles.order[:n]].set(columns)


def _side_by_side(blocks: Array) -> Array:
    """Blocks (STRIP, k, TILE) as (k, STRIP TILE)."""
    return jnp.moveaxis(blocks, 0, 1).reshape(blocks.shape[1], -1)


def _table_of(rows: Array, columns: Array) -> PairTable:
    """The numbers (r, c) of pairs, from half sigma, root of epsilon and charge (3, r) and (3, c)."""
    half_sigma, root_epsilon, charge = (one[:, None] for one in rows)
    sigma = half_sigma + columns[0]
    cube = sigma * sigma * sigma
    attraction = root_epsilon * columns[1] * (cube * cube)
    return PairTable(attraction * (cube * cube), attraction, charge * columns[2])


def _allowed(atoms: Atoms, tiles: Tiles) -> Array:
    """Which pairs (t, TILE, STRIP TILE) of strips count: no exceptions, no atoms that fill up a block."""
    n, blocks, (most, _) = len(atoms.charge), len(tiles.slots), tiles.columns.shape
    place = jnp.zeros(n, jnp.int32).at[tiles.order[:n]].set(jnp.arange(n, dtype=jnp.int32))
    one, other = jnp.broadcast_to(place[:, None], atoms.partners.shape), place[atoms.partners]
    slot = tiles.slots[one // TILE, other // TILE]  # each exception is listed both ways
    real = (jnp.arange(blocks * TILE) < n).reshape(blocks, TILE)
    counts = tiles.filled[:, :, None] & real[tiles.columns]
    allowed = real[tiles.rows][:, :, None, None] & counts[:, None]  # (t, TILE, STRIP, TILE)
    strip, column = slot // STRIP, slot % STRIP
    allowed = allowed.at[strip, one % TILE, column, other % TILE].set(False, mode="drop")
    return allowed.reshape(most, TILE, STRIP * TILE)


def cutoff_pair_terms(pairs: CutoffPairs) -> tuple[PairTerm, ...]:
    """All pairs as pair terms; O(n^2) of them, of NumPy arrays."""
    rule, n = rule_of(pairs), len(pairs.atoms.charge)
    own = np.zeros((n, n), bool)
    np.put_along_axis(own, pairs.atoms.partners, True, axis=1)
    indices = np.argwhere(np.triu(~own))
    table = PairTable(*(values[tuple(indices.T)] for values in whole_pair_table(pairs.atoms)))
    cut = (
        PairTerm(indices, table.repulsion, Partial(_cut_repulsion, rule)),
        PairTerm(indices, -table.attraction, Partial(_cut_attraction, rule)),
        PairTerm(indices, table.charge, Partial(_cut_coulomb, rule)),
    )
    exceptions = own[tuple(pair_terms(pairs.atoms)[0].pairs.T)]
    plain = (
        term._replace(pairs=term.pairs[exceptions], weight=np.asarray(term.weight)[exceptions])
        for term in pair_terms(pairs.atoms)
    )
    return *cut, *plain


def _cut_repulsion(rule: Rule, squared: Array) -> Array:
    return cut_energies(rule, PairTable(1.0, 0.0, 0.0), squared)[0]


def _cut_attraction(rule: Rule, squared: Array) -> Array:
    return -cut_energies(rule, PairTable(0.0, 1.0, 0.0), squared)[0]


def _cut_coulomb(rule: Rule, squared: Array) -> Array:
    return cut_energies(rule, PairTable(0.0, 0.0, 1.0), squared)[1]
