"""OpenMM's own minimiser and dynamics, measured as a minimisation of `nnrep` is."""

from nnrep.baselines.openmm_dynamics import DynamicsConfig
from nnrep.baselines.openmm_minimizer import MinimizerConfig
from nnrep.baselines.run import run_baseline

__all__ = ["DynamicsConfig", "MinimizerConfig", "run_baseline"]
