"""The pictures of a run, as files."""

from pathlib import Path

from nnrep.minimization import Result
from nnrep.records.energy_picture import energy_picture
from nnrep.records.layout_picture import layout_picture
from nnrep.records.style import save
from nnrep.systems import System


def write_pictures(energy: Path, layout: Path, system: System, result: Result) -> None:
    """Draw how the energy falls, of a run with checks, and where the run begins and ends.

    Args:
        energy: of the PNG of the first one; a PDF lies beside each.
        layout: of the other one.
        system: that was minimised.
        result: of the run.
    """
    if len(result.history):
        save(energy_picture(system, result.history), energy, quickly=True)
    save(layout_picture(system, result), layout, quickly=True)
