"""Checks of settings that figures on the classical energy have in common."""

from nnrep.config.schema import RunConfig
from nnrep.errors import require
from nnrep.figures.analysis.labels import COARSE_GRAINED, PLAIN
from nnrep.modes.slow import ModesOf

CLASSICAL = "classical"
COMPARED_MAPS = (PLAIN, COARSE_GRAINED)
# Of every claim on that energy.
CLASSICAL_CAVEATS = (
    "the paper gives no strengths of this energy: they are ours",
    "learning rate 1e-2 taken in Angstrom",
)


def check_energy(config: RunConfig) -> None:
    """Raise `ConfigError` unless a setting is on the classical energy."""
    force_field = config.system.force_field
    require(force_field == CLASSICAL, "system.force_field", f"{CLASSICAL} in this figure", force_field)


def check_methods(config: RunConfig) -> None:
    """Raise `ConfigError` unless a setting compares CG and plain minimisation on the classical energy."""
    check_energy(config)
    name = config.reparam.name
    require(name in COMPARED_MAPS, "reparam", f"{' or '.join(COMPARED_MAPS)} in this figure", name)
    of, allowed = config.modes.of, "backbone in this figure, which counts modes of atoms"
    require(of is ModesOf.backbone, "modes.of", allowed, of.value)
