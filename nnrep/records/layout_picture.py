"""The picture of where a run begins and ends."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from nnrep.host.text import counted
from nnrep.minimization import Result
from nnrep.records.balls import draw_balls
from nnrep.records.chains import draw_chain, fitting_ratio, main_part, scale_bar, side_view
from nnrep.records.style import LETTERS, LINE, PAGE, SMALL, number, styled
from nnrep.records.traces import Native, draw_on_native, native_of
from nnrep.systems import System
from nnrep.systems.measures import PIECE_REACH, piece_of_each

MOST_ENDS = 3  # of so many seeds the ends are shown, those of the lowest energies
WIDEST = 3.0  # inches, of a panel
GAP, SIDE, BELOW = 0.2, 0.1, 0.5  # inches: between panels; beside them; below them, for bars and the key
CHAIN_KEY = "Colours: along the chain, dark at the first particle."
BALLS_KEY = "Balls: particles, bright in front, dark behind. Outside: beyond the window."
BROKEN_KEY = " Thin grey: broken bonds. Outside: beyond the window."


class Panel(NamedTuple):
    """One of the pictures side by side.

    Attributes:
        name: above it.
        positions: (n, d) of all particles, in the file's frame.
        energy: of these positions.
        piece: (n,) to which connected piece each particle belongs; None where no contacts are known.
    """

    name: str
    positions: np.ndarray
    energy: float
    piece: np.ndarray | None = None


@styled()
def layout_picture(system: System, result: Result) -> Figure:
    """The start and the end of the seed of lowest energy, and the ends of the next best, side by side.

    Proteins are drawn as their CA trace, superposed on the native one, all from one side; systems with bonds
    as chains of particles, others as balls, in windows that pieces which have flown off do not set.
    """
    native, reach = native_of(system), reach_of(system)
    panels = panels_of(result)
    if reach is not None:
        panels = [panel._replace(piece=piece_of_each(panel.positions, reach)) for panel in panels]
    mains = [main_part(panel.positions, panel.piece) for panel in panels]
    views = _views(native, panels, mains)
    shown = [
        (native.with_others(native.on_it(panel.positions)) if native else panel.positions[main]) @ view.T
        for panel, main, view in zip(panels, mains, views, strict=True)
    ]
    width = min(WIDEST, (PAGE - GAP * (len(panels) - 1) - 2 * SIDE) / len(panels))
    tall = width * fitting_ratio(shown)
    captions, heading = [_caption(system, native, panel) for panel in panels], _heading(system, result)
    above = LINE * (0.8 + len(heading) + max(map(len, captions)))
    height = above + tall + BELOW
    figure = Figure(figsize=(PAGE, height))
    left = (PAGE - len(panels) * width - (len(panels) - 1) * GAP) / 2
    for place, (panel, caption, view, main) in enumerate(zip(panels, captions, views, mains, strict=True)):
        corner = left + place * (width + GAP)
        axes = figure.add_axes((corner / PAGE, BELOW / height, width / PAGE, tall / height))
        if native:
            draw_on_native(axes, native, panel.positions, view)
        else:
            if system.bonds is None:
                outside = draw_balls(axes, panel.positions, view, main)
            else:
                outside = draw_chain(axes, panel.positions, reach, view, main)
            if outside:
                caption[-1] = f"{caption[-1]}, {outside} outside"
            axes.spines[:].set(visible=True, color="0.7")
        scale_bar(axes, "Å" if native else system.length_unit or "units of length")
        axes.set_title("\n".join(caption), fontsize=SMALL)
    texts: dict[str, Any] = {
        "ha": "center",
        "va": "top",
        "parse_math": False,
    }  # as a structure's name is any name
    for line, text in enumerate(heading):
        size = SMALL if line else LETTERS
        figure.text(0.5, 1 - LINE * (0.5 + line) / height, text, fontsize=size, **texts)
    if native:
        key = native.key
    else:
        key = BALLS_KEY if system.bonds is None else CHAIN_KEY + BROKEN_KEY * (reach is not None)
    figure.text(0.5, 0.07 / height, key, ha="center", va="bottom", fontsize=SMALL, color="0.3")
    return figure


def _views(native: Native | None, panels: list[Panel], mains: list[np.ndarray]) -> list[np.ndarray]:
    """That of the native structure for all panels; or that of each end, and for the start that of its end."""
    if native is not None:
        return [side_view(native.positions)] * len(panels)
    views = [side_view(panel.positions[main]) for panel, main in zip(panels[1:], mains[1:], strict=True)]
    return [views[0], *views]


def panels_of(result: Result) -> list[Panel]:
    """The start of the seed of lowest energy, and the ends of the seeds of the lowest ones."""
    order = np.argsort(np.where(np.isfinite(result.energy), result.energy, np.inf), kind="stable")
    last = [
        Panel(f"end of seed {result.seeds[k]}", result.positions[k], float(result.energy[k]))
        for k in order[:MOST_ENDS]
    ]
    best = order[0]
    start = f"start of seed {result.seeds[best]}"
    return [Panel(start, result.positions_start[best], float(result.energy_start[best])), *last]


def _heading(system: System, result: Result) -> list[str]:
    title = f"{system.name}, {counted(system.n, 'particle' if system.molecule is None else 'atom')}"
    if len(result.seeds) > MOST_ENDS:
        title += f": the lowest {MOST_ENDS} of {len(result.seeds)} seeds"
    notes = []
    if system.energy_definition:
        notes.append(f"energy: {system.energy_definition}, {system.energy_unit or 'dimensionless'}")
    if system.energy_bound is not None:
        bound = number(system.energy_bound)
        notes.append(f"100 % is the lower bound {bound}, that of an ideal coil")
    return [title, *filter(None, ["; ".join(notes)])]


def _caption(system: System, native: Native | None, panel: Panel) -> list[str]:
    bound = system.energy_bound
    energy = f"energy {number(panel.energy, 5 if bound is None else 4)} {system.energy_unit}".strip()
    if bound is not None and bound < 0 and panel.energy < 0:
        energy += f" ({100 * panel.energy / bound:.1f} %)"
    lines = [panel.name, energy]
    if native is not None:
        return [*lines, f"RMSD of {native.atoms} {native.rmsd(panel.positions):.2f} Å"]
    return lines if panel.piece is None else [*lines, counted(len(set(panel.piece.tolist())), "piece")]


def reach_of(system: System) -> float | None:
    """Distance within which two particles hang together, see `PIECE_REACH`; None where that is not known."""
    return None if system.contacts is None else PIECE_REACH * system.contacts.length
