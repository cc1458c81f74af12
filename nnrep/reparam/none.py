"""`reparam=none`, no map: the positions themselves."""

from jax import Array
from jax.tree_util import Partial

from nnrep.choices.settings import settings
from nnrep.modes.here import ModesHere
from nnrep.modes.settings import ModesConfig
from nnrep.modes.spectrum import SlowModes
from nnrep.reparam.base import Reparametrization
from nnrep.reparam.settings import MapConfig
from nnrep.systems.system import System


def identity() -> Reparametrization:
    """X = Z: plain minimisation over the positions."""
    return Reparametrization(init=Partial(_init), decode=Partial(_decode))


def is_identity(reparam: Reparametrization) -> bool:
    """Whether the map is `identity`, so that no second stage is needed to set the positions free."""
    return getattr(reparam.decode, "func", None) is _decode


def _init(key: Array, positions: Array) -> Array:
    return positions


def _decode(params: Array) -> Array:
    return params


@settings("reparam/none")
class NoneConfig(MapConfig):
    """`reparam=none`: the positions themselves."""

    is_identity = True

    def build(
        self, system: System, modes: ModesConfig, slow: SlowModes | ModesHere | None
    ) -> Reparametrization:
        """The identity."""
        return identity()


CHOICE = NoneConfig
