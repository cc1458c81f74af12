"""OpenMM's own minimiser and dynamics, measured as a minimisation of `nnrep` is."""

from nnrep.baselines.openmm_dynamics import DynamicsConfig, openmm_dynamics
from nnrep.baselines.openmm_minimizer import MinimizerConfig, openmm_minimizer

__all__ = ["DynamicsConfig", "MinimizerConfig", "openmm_dynamics", "openmm_minimizer"]
