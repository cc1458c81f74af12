"""`BaselineConfig`: what every choice of `baseline` has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from nnrep.baselines.simulation import SeedMonitor, Trajectory
    from nnrep.structures.force_field import Continuum
    from nnrep.structures.molecule import Molecule
    from nnrep.structures.simulation import Held


@dataclass(kw_only=True)
class BaselineConfig:
    """Settings of a baseline: another engine on the same energy, in the place of map, optimiser and schedule.

    Attributes:
        name: of the choice.
    """

    name: str

    # In pictures, #RRGGBB, or grey if empty; in tables and claims of figures, or its name if empty.
    color: ClassVar[str] = ""
    label: ClassVar[str] = ""
    # False where nnrep itself minimises.
    is_engine: ClassVar[bool] = True

    if TYPE_CHECKING:  # a key of every engine: steps from one row of the history to the next
        record_every: int

    @property
    def most_steps(self) -> int:
        """Of each seed; 0 for no limit."""
        raise NotImplementedError

    def check_frozen(self) -> None:
        """Raise `ConfigError` for settings with which no atom can be frozen."""

    @property
    def own_solvent(self) -> str | None:
        """The solvent that it has where the system has none."""
        return None

    def trajectory(
        self,
        molecule: "Molecule",
        seed: int,
        start: "np.ndarray",
        held: "Held",
        monitor: "SeedMonitor",
        continuum: "Continuum | None" = None,
    ) -> "Trajectory":
        """What the engine makes of a start (n, 3) in nm, with the random numbers of a seed.

        Args:
            molecule: what is minimised or simulated.
            seed: of random numbers.
            start: where it begins.
            held: atoms that are frozen or restrained.
            monitor: follows it.
            continuum: the system's solvent; None for vacuum.
        """
        raise NotImplementedError
