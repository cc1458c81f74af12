"""AMBER: topologies of LEaP, with every parameter in them."""

from collections.abc import Sequence
from pathlib import Path

from openmm import app

from nnrep.structures.engines.coordinates import Coordinates
from nnrep.structures.engines.engine import Engine, Given
from nnrep.structures.force_field import FLEXIBLE


def _read(topology: Path, parameters: Sequence[Path], coordinates: Coordinates) -> Given:
    read = app.AmberPrmtopFile(str(topology))
    system = read.createSystem(**FLEXIBLE)
    has_box = read.topology.getPeriodicBoxVectors() is not None
    box = f"{topology.name} has a periodic box" if has_box else ""
    return Given(read.topology, system, box)


CHOICE = Engine((".prmtop", ".parm7"), "AMBER", _read)
