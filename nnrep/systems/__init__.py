"""What is minimised: an energy with its start, its couplings and its units."""

from nnrep.systems.loop import loop_system
from nnrep.systems.registry import load_system
from nnrep.systems.system import System

__all__ = ["System", "load_system", "loop_system"]
