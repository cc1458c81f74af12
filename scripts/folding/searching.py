"""One search: moves and quenches until its lowest minimum is native for good, or its budget is used."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from folding.arms.arm import Arm
from folding.problem import FOLDED, Problem


class Row(NamedTuple):
    """A quench; sums are since the search began.

    Attributes:
        evaluations: of energy or forces, of dynamics and quenches.
        cpu_s: processor time.
        ps: of dynamics, all replicas together.
        temperature: in K, of the frame.
        energy: kJ/mol.
        rmsd_ca: Angstrom, to the native structure; NaN with fewer than three CA atoms.
        radius_of_gyration: Angstrom.
    """

    evaluations: int
    cpu_s: float
    ps: float
    temperature: float
    energy: float
    rmsd_ca: float
    radius_of_gyration: float


class SearchResult(NamedTuple):
    """What a search has met: a row a quench, and the lowest minimum (n, 3); (0, 3) without any."""

    rows: list[Row]
    lowest: np.ndarray


class Budget(NamedTuple):
    """Where a search ends.

    Attributes:
        evaluations: most of them.
        cpu_s: most seconds of processor time.
        energy: kJ/mol; a native minimum that is lower ends the search. No other may be known to lie below.
    """

    evaluations: int
    cpu_s: float
    energy: float


def search(
    problem: Problem,
    arm: Arm,
    seed: int,
    budget: Budget,
    stop_if_requested: Callable[[], None] = lambda: None,
) -> SearchResult:
    """Search until the lowest minimum is native and below the budget's energy, or to the budget's end.

    `stop_if_requested` is called after each quench, and may raise.
    """
    began, evaluations, ps = time.process_time(), 0, 0.0
    walk, rows = arm.begin(seed), []
    lowest, best, settled = np.inf, np.zeros((0, 3)), False
    while True:
        moved = walk.move()
        evaluations, ps = evaluations + moved.evaluations, ps + moved.ps
        for frame in moved.frames:
            one = walk.quench(frame)
            stop_if_requested()
            evaluations += one.evaluations
            shape = problem.shape.of_positions(one.positions)
            used = time.process_time() - began
            values = (
                frame.temperature,
                one.energy,
                shape.get("rmsd_ca", np.nan),
                shape["radius_of_gyration"],
            )
            rows.append(Row(evaluations, used, ps, *values))
            if one.energy < lowest:
                lowest, best = one.energy, one.positions
                settled = rows[-1].rmsd_ca < FOLDED and lowest < budget.energy
        if settled or evaluations >= budget.evaluations or used >= budget.cpu_s:
            return SearchResult(rows, np.asarray(best, np.float32))
