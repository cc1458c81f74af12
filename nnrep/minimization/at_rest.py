"""A minimum at which no force is left that slow modes would notice."""

from dataclasses import replace

from nnrep.minimization.minimizer import minimize
from nnrep.minimization.monitor import Monitor
from nnrep.minimization.optimizers.lbfgs import lbfgs
from nnrep.minimization.result import Result
from nnrep.minimization.stage import Stage
from nnrep.minimization.stopping import Stopping
from nnrep.reparam.none import identity
from nnrep.systems import System

# RMS gradient, in kJ/mol/nm or, of dimensionless systems, whose energies are means over their pairs, in their
# own unit.
AT_REST, AT_REST_DIMENSIONLESS = 1e-3, 1e-8
MOST_MOVED, MOST_MOVED_DIMENSIONLESS = 0.02, 0.1  # of a coordinate in a step; nm, or the system's unit


def rest_of(system: System) -> float:
    """The RMS gradient below which a system is at rest, in its own units."""
    return AT_REST if system.length_unit else AT_REST_DIMENSIONLESS


def at_rest(system: System, max_steps: int, monitor: Monitor) -> Result:
    """L-BFGS from a system's positions until it is at rest, or for so many steps.

    `Result.status` says which: `converged` or `step_limit`. Energies must be exact and in float64, else
    rounding ends it before.
    """
    moved = MOST_MOVED if system.length_unit else MOST_MOVED_DIMENSIONLESS
    stopping = Stopping(min_delta=0, patience=2**31 - 1, rms_force=rest_of(system))
    stage = Stage("minimum", identity(), lbfgs(moved), stopping, max_steps)
    # At the very positions: systems that draw their starts have one of them there.
    return minimize(replace(system, draw_start=None), stage, max_steps=max_steps, monitor=monitor)
