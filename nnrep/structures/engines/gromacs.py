"""GROMACS: a topology with the files that it includes, from its own folder or that of GROMACS (GMXDATA)."""

from collections.abc import Sequence
from pathlib import Path

from openmm import app

from nnrep.structures.engines.coordinates import Coordinates
from nnrep.structures.engines.engine import Engine, Given


def _read(topology: Path, parameters: Sequence[Path], coordinates: Coordinates) -> Given:
    read = app.GromacsTopFile(str(topology))
    system = read.createSystem(
        nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False, removeCMMotion=False
    )
    return Given(read.topology, system)


CHOICE = Engine((".top",), "GROMACS", _read)
