"""ASE (https://ase-lib.org): calculators, atoms and files of systems. `System.from_ase` is the way back."""

from nnrep.errors import UserError

try:
    import ase  # noqa: F401
except ImportError as error:
    raise UserError("nnrep.ase: needs ASE; pip install 'nnrep[ase]'") from error

from nnrep.ase.calculator import Calculator
from nnrep.ase.convert import start_at, to_atoms
from nnrep.ase.extxyz import write_extxyz

__all__ = ["Calculator", "start_at", "to_atoms", "write_extxyz"]
