"""`SystemConfig`: what every choice of `system` has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from nnrep.systems.system import System

if TYPE_CHECKING:
    from nnrep.structures.force_field import Continuum
    from nnrep.structures.molecule import Molecule

OnProgress = Callable[[int, int], None]


class Size(NamedTuple):
    """How large a system is.

    Attributes:
        n: particles.
        dim: dimensions.
        residues: of a protein; 0 for what has none.
        frozen: how many of the particles never move.
    """

    n: int
    dim: int
    residues: int = 0
    frozen: int = 0


@dataclass(kw_only=True)
class SystemConfig:
    """Settings of a system, and how it is built.

    Attributes:
        name: of the choice.
    """

    name: str

    # Of tables and pictures; empty for dimensionless systems.
    energy_unit: ClassVar[str] = ""
    length_unit: ClassVar[str] = ""
    # Keys that decide the energy, beside the molecule: energies can be compared where these are the same.
    energy_keys: ClassVar[tuple[str, ...]] = ()
    # Whether particles have node features, edges weights, and pairs ideal distances, by which a run can fail.
    has_features: ClassVar[bool] = False
    has_edge_weights: ClassVar[bool] = False
    can_restart: ClassVar[bool] = False
    # Whether there are pairs without a coupling of their own, which modes may count in.
    has_background: ClassVar[bool] = False
    # Whether nothing tells one particle from another: neighbours by number do not belong together, and minima
    # have no RMSD to each other.
    has_like_particles: ClassVar[bool] = False
    # Whether its particles, or molecules, may fly apart for good.
    may_fall_apart: ClassVar[bool] = False

    @property
    def mean_over(self) -> int:
        """Of about how many terms the energy is the mean, as `System.mean_over`; 1 where it is their sum."""
        return 1

    def molecule(self, folders: Sequence[str]) -> "Molecule | None":
        """The prepared molecule that the settings name; None for a system without one.

        Raises:
            UserError: it cannot be found or not be computed.
        """
        return None

    @property
    def molecule_key(self) -> str:
        """Equal for settings of one molecule."""
        return ""

    @property
    def files(self) -> dict[str, str]:
        """Hashes of what the files beside that of the molecule hold, by the keys that name them."""
        return {}

    def size(self, molecule: "Molecule | None" = None) -> Size | None:
        """The system's size; None where it is known with the molecule only."""
        raise NotImplementedError

    def build(
        self,
        molecule: "Molecule | None" = None,
        seed: int = 0,
        on_progress: OnProgress | None = None,
        padded: bool = False,
    ) -> System:
        """The system.

        Args:
            molecule: see `molecule`.
            seed: of the start.
            on_progress: called with (done, total) steps of a start that is simulated.
            padded: whether it may have dummies, see `System`, so that systems of nearly its size share its
                programs.
        """
        raise NotImplementedError

    @property
    def freezes(self) -> bool:
        """Whether some of its particles never move."""
        return False

    def check_exact(self) -> None:
        """Raise `ConfigError` where steps see another energy than the reported one: a sample of it."""

    def without_unused(self) -> "SystemConfig":
        """The settings, those without effect at their defaults: equal for one and the same system."""
        return self

    def without_bonds(self) -> str | None:
        """Why a map cannot hold the bonds that the start has; None if it can."""
        return None

    @property
    def continuum(self) -> "Continuum | None":
        """The solvent in which OpenMM's own engines compute as well; None for vacuum."""
        return None

    def not_in_openmm(self) -> str | None:
        """Why OpenMM's own engines cannot be a baseline of it; None if they can."""
        return "OpenMM knows molecules only"

    def columns(self, molecule: "Molecule | None") -> dict[str, Any]:
        """What a table of runs has of the settings."""
        return {}
