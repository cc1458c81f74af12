"""`MapConfig`: what every choice of `reparam` has."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from nnrep.errors import require
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import MODES_KEYS, ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.fit import Fit
from nnrep.systems.settings import Size
from nnrep.systems.system import System


@dataclass(kw_only=True)
class MapConfig:
    """Settings of a map, what it needs, and how it is built.

    Attributes:
        name: of the choice.
        learning_rate_factor: learning rate of the coarse stage over that of the fine stage.
    """

    name: str
    learning_rate_factor: float

    # In pictures, #RRGGBB, or grey if empty; in tables and claims of figures, or its name if empty.
    color: ClassVar[str] = ""
    label: ClassVar[str] = ""
    # Whether building the map takes an eigenproblem, whose time is that of modes.
    decomposes: ClassVar[bool] = False
    # Whether it can be made of modes where a stage begins.
    takes_modes_here: ClassVar[bool] = False
    # Whether it holds the bonds of the start, which then has to have some.
    needs_bonds: ClassVar[bool] = False
    # Whether it is made of pairs with ideal distances, the system's bonds and contacts.
    needs_contacts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        factor = self.learning_rate_factor
        require(0 < factor < math.inf, "learning_rate_factor", "positive", factor)

    @property
    def is_identity(self) -> bool:
        """Whether X = Z, from where it starts."""
        return False

    @property
    def wanted_modes(self) -> Any:
        """How many modes are asked for: a count, a share of n, "3*residues", or None."""
        return getattr(self, "modes", None)

    @property
    def needs_modes(self) -> bool:
        """Whether it is made of slow modes."""
        return False

    @property
    def needs_features(self) -> bool:
        """Whether it takes the system's node features."""
        return False

    @property
    def needs_edge_weights(self) -> bool:
        """Whether it takes the weights of the system's edges."""
        return False

    @property
    def widths(self) -> tuple[int, ...] | None:
        """Of a network, those of its latent and layers."""
        return None

    @property
    def fitting(self) -> Fit | None:
        """How it is fitted to where it starts; None leaves it as its `init` makes it."""
        return None

    def products(self, size: Size, modes: int) -> int:
        """About how many multiply-adds its decode takes in products of matrices.

        Args:
            size: of the system.
            modes: of which it is made.
        """
        return 0

    def keys_of_modes(self, modes: ModesConfig) -> frozenset[str]:
        """The keys of the group `modes` that have a part in it."""
        if not self.needs_modes:
            return frozenset()
        return MODES_KEYS if self.takes_modes_here else MODES_KEYS - {"at"}

    def check_modes(self, modes: ModesConfig) -> None:
        """Raise `ConfigError` if it cannot be made of such modes."""

    def check_without_contacts(self, system: str) -> None:
        """Raise `ConfigError` if it cannot be made for a system (its name) without ideal distances."""
        allowed = f"a map that needs no ideal distances, as system={system} has none"
        require(not self.needs_contacts, "", allowed, self.name)

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """The map.

        Args:
            system: whose positions it gives.
            modes: which modes are asked for.
            slow: the slow modes, where they are needed; `ModesHere` with modes.at=stage, if it takes these.

        Raises:
            UserError: it cannot be made of them.
        """
        raise NotImplementedError
