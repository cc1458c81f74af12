"""GROMACS: a topology with the files that it includes, from its own folder or that of GROMACS (GMXDATA)."""

from collections.abc import Sequence
from pathlib import Path

from openmm import app

from nnrep.structures.engines.coordinates import Coordinates
from nnrep.structures.engines.engine import Engine, Given
from nnrep.structures.force_field import FLEXIBLE

# Sections with an energy that OpenMM's reader leaves out without a word.
UNREAD = frozenset(
    [
        "angle_restraints",
        "angle_restraints_z",
        "dihedral_restraints",
        "distance_restraints",
        "intermolecular_interactions",
        "orientation_restraints",
        "pairs_nb",
        "polarization",
        "position_restraints",
        "thole_polarization",
        "water_polarization",
    ]
)


class _Topology(app.GromacsTopFile):
    """OpenMM's reader, which sees one line after the other when it has included files and left out #ifdef."""

    def _processLine(self, line: str, file: str) -> None:  # noqa: N802 OpenMM's name
        super()._processLine(line, file)
        section, content = self._currentCategory, line.partition(";")[0].strip()
        if section in UNREAD and content and content[0] not in "[#*" and all(self._ifStack):
            raise ValueError(f"[ {section} ] is not computed here; remove it")


def _read(topology: Path, parameters: Sequence[Path], coordinates: Coordinates) -> Given:
    read = _Topology(str(topology))
    system = read.createSystem(**FLEXIBLE)
    return Given(read.topology, system)


CHOICE = Engine((".top",), "GROMACS", _read)
