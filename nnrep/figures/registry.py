"""The figures by name: every module or folder `figN` of a package, which exports its `FIGURE`."""

import pkgutil
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnrep.figures.figure import Figure

NAME = re.compile(r"fig(\d+)")


class FigureRegistry(Mapping[str, "Figure"]):
    """Name of a figure -> the figure, in the order of their numbers.

    Names are those of files and folders, and known without importing one of them: the command line answers
    before pandas, JAX and matplotlib are imported. A figure is imported when it is asked for.
    """

    def __init__(self, package: str) -> None:
        """Take the figures of a package, by its dotted name."""
        self._package = package

    def __iter__(self) -> Iterator[str]:
        """The names."""
        modules = pkgutil.iter_modules(import_module(self._package).__path__)
        numbers = {module.name: NAME.fullmatch(module.name) for module in modules}
        figures = {name: int(match[1]) for name, match in numbers.items() if match}
        return iter(sorted(figures, key=figures.__getitem__))

    def __len__(self) -> int:
        """How many there are."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Whether there is a figure of this name; imports nothing."""
        return name in list(self)

    def __getitem__(self, name: str) -> "Figure":
        """Import a figure.

        Raises:
            KeyError: there is no such figure.
        """
        if name not in self:
            raise KeyError(name)
        figure: Figure = import_module(f"{self._package}.{name}").FIGURE
        return figure


FIGURES = FigureRegistry("nnrep.figures")
