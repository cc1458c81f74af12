"""The colours of all pictures, as #RRGGBB: of methods, of proteins and of seeds.

Two colours of one set remain distinct for all common kinds of colour blindness. No protein has the colour of
a method.
"""

import re
from collections.abc import Iterable

from nnrep.choices.defaults import config_folder
from nnrep.choices.registry import choice_of

# Of the paper's methods, by registered name. A choice that the paper does not have says its colour itself.
METHOD_COLORS = {
    "none": "#D55E00",
    "cg": "#0072B2",
    "gnn": "#009E73",
    "openmm_minimizer": "#000000",
    "openmm_dynamics": "#D9B216",
}
GROUPS = ("reparam", "schedule", "optimizer", "baseline")  # of methods, the first one that has a name counts
OF_LIST = re.compile(r"^# @color (#[0-9A-F]{6})$", re.M)  # the line of a list of stages in `configs/schedule`
NEUTRAL = "#B0B0B0"  # of a method without a colour
NATIVE = "#999999"  # of a native structure
# Of those that the paper has; other proteins have what is left, in turn.
PROTEIN_COLORS = {
    "2JOF": "#230849",
    "1UNC": "#9543C6",
    "1PLW": "#D78DE8",
    "3GB1": "#46067D",
    "2WXC": "#BB63DC",
    "5AWL": "#EABBF1",
    "2MGO": "#6D20A8",
}
# The same order: a picture with proteins tells them by their marks as well.
PROTEIN_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SEED_ANCHORS = ("#440154", "#3B528B", "#21918C", "#5EC962", "#AADC32")  # of seed_colors, the first seed first
PALEST = 0.62  # share of white in the palest of several shades


def method_color(name: str) -> str:
    """The colour of a map, schedule, optimiser or baseline by its name; `NEUTRAL` of one without a colour.

    Nothing is imported for the paper's methods, and for others the module of the choice alone.
    """
    if name in METHOD_COLORS:
        return METHOD_COLORS[name]
    choices = (choice_of(group, name) for group in GROUPS)
    colors = (choice.color for choice in choices if choice is not None)
    return next(colors, "") or _color_of_list(name) or NEUTRAL


def _color_of_list(name: str) -> str:
    path = config_folder() / "schedule" / f"{name}.yaml"
    line = OF_LIST.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return line[1] if line else ""


def protein_marks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name of a protein -> colour and marker (as matplotlib names it), all of a picture at once.

    The paper's proteins look the same in all pictures; up to seven proteins look different.
    """
    names = list(dict.fromkeys(names))
    known = list(PROTEIN_COLORS)
    left = [place for place, name in enumerate(known) if name not in names] or [*range(len(known))]
    places: dict[str, int] = {}
    for name in names:
        others = len([other for other in places if other not in PROTEIN_COLORS])
        places[name] = known.index(name) if name in PROTEIN_COLORS else left[others % len(left)]
    colors = list(PROTEIN_COLORS.values())
    return {name: (colors[place], PROTEIN_MARKERS[place]) for name, place in places.items()}


def seed_colors(count: int) -> list[str]:
    """A colour for each of so many seeds, from dark to light."""
    steps = len(SEED_ANCHORS) - 1
    places = [steps * seed / max(count - 1, 1) for seed in range(count)]
    lower = [min(int(place), steps - 1) for place in places]
    return [
        mixed(SEED_ANCHORS[low], SEED_ANCHORS[low + 1], place - low)
        for low, place in zip(lower, places, strict=True)
    ]


def shades(color: str, count: int) -> list[str]:
    """A colour in so many shades, the full one first, the palest last."""
    return [mixed(color, "#FFFFFF", PALEST * place / max(count - 1, 1)) for place in range(count)]


def mixed(first: str, second: str, share: float) -> str:
    """Between two colours: a share of the second one, from 0 to 1."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round((1 - share) * one + share * other):02X}" for one, other in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]
