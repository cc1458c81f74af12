"""`reparam=none`, no map: the positions themselves."""

from dataclasses import field

from jax import Array
from jax.tree_util import Partial

from nnrep.choices.identity import counts_if
from nnrep.choices.settings import settings
from nnrep.errors import is_integer, require, require_kind
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.settings import MapConfig
from nnrep.reparam.springs import after_springs
from nnrep.systems.system import System


def identity() -> Reparametrization:
    """X = Z: plain minimisation over the positions."""
    return Reparametrization(init=Partial(_init), decode=Partial(_decode))


def from_springs(system: System, steps: int) -> Reparametrization:
    """X = Z, from where so many steps down springs in the place of the couplings lead.

    Args:
        system: a chain with contacts, see `nnrep.reparam.springs`.
        steps: from 0.

    Raises:
        ConfigError: no such system, or no such number.
    """
    require_kind(system, System, "system", "a nnrep.System")
    check_springs(steps)
    return Reparametrization(init=Partial(_after, after_springs(system, steps)), decode=Partial(_decode))


def check_springs(steps: int) -> None:
    """Raise `ConfigError` for what is no number of steps."""
    require(is_integer(steps) and 0 <= steps < 2**31, "springs", "from 0 to 2^31 - 1", steps)


def is_identity(reparam: Reparametrization) -> bool:
    """Whether the map is `identity`, so that no second stage is needed to set the positions free."""
    return getattr(reparam.init, "func", None) is _init


def _init(key: Array, positions: Array) -> Array:
    return positions


def _after(springs: Partial, key: Array, positions: Array) -> Array:
    return springs(positions)


def _decode(params: Array) -> Array:
    return params


@settings("reparam/none")
class NoneConfig(MapConfig):
    """`reparam=none`: the positions themselves.

    Attributes:
        springs: steps down springs in the place of a chain's couplings, from where the stage begins.
    """

    springs: int = field(metadata=counts_if(lambda none: none.springs > 0))

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_springs(self.springs)
        super().__post_init__()

    @property
    def is_identity(self) -> bool:
        """Not where springs move the start."""
        return self.springs == 0

    def check_without_contacts(self, system: str) -> None:
        """Springs stand in the place of a chain's couplings."""
        allowed = f"0, as system={system} is no chain with contacts"
        require(self.springs == 0, "springs", allowed, self.springs)

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """The identity, or `from_springs`."""
        return from_springs(system, self.springs) if self.springs else identity()


CHOICE = NoneConfig
