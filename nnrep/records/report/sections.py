"""The sections of a report in which something is drawn."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from nnrep.host.text import counted
from nnrep.records.report.html import details, paragraph, picture
from nnrep.records.report.page import Section
from nnrep.records.report.structures import Scene
from nnrep.records.runs_below import HeldRuns

MOST_PICTURES = 12
MOST_BYTES = 4_000_000  # of pictures, which take a third more in the page


def charts(curves: Sequence[dict[str, Any]], count: int) -> list[Section]:
    """The places of the curves; none without a curve."""
    if not curves:
        return []
    stages = ", ".join(dict.fromkeys(name for each in curves for name, _ in each["ends"]))
    content = paragraph(
        "Drag to zoom, double-click to see all again; click a name to hide its curve. A dot is the end of a "
        f"stage ({stages}). Energies are those that the steps see; the table has the exact ones."
    )
    if len(curves) < count:
        content += paragraph(_part(len(curves), count, "drawn", "a history"))
    sections = [Section("Energy", f'{content}<div class="chart" id="energy"></div>')]
    if any(name.startswith("rmsd") for each in curves for name in each["values"]):
        sections.append(Section("RMSD to the native structure", '<div class="chart" id="rmsd"></div>'))
    return sections


def viewer(scenes: Sequence[Scene], count: int) -> list[Section]:
    """The place of the structures; none without one."""
    if not scenes:
        return []
    shown = ["Drag to turn, scroll to zoom; proteins are superposed on the native structure by CA atoms."]
    if any(scene["pdb"] is None for scene in scenes):
        shown.append("Bonds of chains that are longer than three times the usual one are left out.")
    content = paragraph(" ".join(shown))
    if len(scenes) < count:
        content += paragraph(_part(len(scenes), count, "shown", "positions"))
    return [Section("Structures", f'{content}<div id="viewer"></div>')]


def pictures(folder: Path, held: Sequence[HeldRuns]) -> list[Section]:
    """The pictures of the runs."""
    paths = [path for each in held for path in sorted(each.folder.glob("*.png"))]
    if not paths:
        return []
    sizes = accumulate(path.stat().st_size for path in paths)
    shown = [path for path, size in zip(paths, sizes, strict=True) if size <= MOST_BYTES or path == paths[0]]
    shown = shown[:MOST_PICTURES]
    content = "".join(picture(path, path.relative_to(folder).as_posix()) for path in shown)
    title = f"{len(shown)} of {counted(len(paths), 'picture')}"
    return [Section("Pictures", details(title, content, is_open=True, name="pictures"))]


def _part(some: int, count: int, verb: str, needed: str) -> str:
    """Which of all runs are in the page."""
    return f"{some} of {counted(count, 'run')} are {verb}: of those with {needed}, the lowest energies."
