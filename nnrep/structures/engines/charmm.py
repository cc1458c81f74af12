"""CHARMM, and programs that write its files: a PSF, and files of parameters (.prm, .str, .rtf)."""

from collections.abc import Sequence
from pathlib import Path

from openmm import app

from nnrep.structures.engines.coordinates import Coordinates
from nnrep.structures.engines.engine import Engine, Given, reading
from nnrep.structures.force_field import FLEXIBLE


def _read(topology: Path, parameters: Sequence[Path], coordinates: Coordinates) -> Given:
    read = app.CharmmPsfFile(str(topology))
    with reading("system.parameters", parameters[0], "parameters of CHARMM, with the others"):
        known = app.CharmmParameterSet(*map(str, parameters))
    system = read.createSystem(known, **FLEXIBLE)
    return Given(read.topology, system)


CHOICE = Engine((".psf",), "CHARMM", _read, takes_parameters=True)
