"""Choices by name: a registry finds them in a package, one module each."""

import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from nnrep.errors import ConfigError, similar

C = TypeVar("C")

# Group of `configs/` -> the package that holds its choices. They stand here, and not in the rooms, so that
# Hydra can list them before JAX is imported.
GROUPS = {
    "system": "nnrep.systems",
    "reparam": "nnrep.reparam",
    "optimizer": "nnrep.minimization.optimizers",
    "schedule": "nnrep.minimization.schedules",
    "baseline": "nnrep.baselines",
}
DEFINITION = re.compile(rb"^CHOICE\b", re.M)  # the line of a module that makes it a choice


@cache
def choice_names(package: str) -> tuple[str, ...]:
    """The modules of one of our packages that define a CHOICE, in alphabetical order.

    Modules are read as text, once, and none is imported.
    """
    folder = Path(__file__).resolve().parents[2].joinpath(*package.split("."))
    names = (module.name for module in pkgutil.iter_modules([str(folder)]))
    return tuple(sorted(name for name in names if DEFINITION.search(_text(folder, name))))


def _text(folder: Path, name: str) -> bytes:
    module = folder / f"{name}.py"
    return (module if module.is_file() else folder / name / "__init__.py").read_bytes()


def choice_of(group: str, name: str) -> Any:
    """The choice of a group of `configs/` by its name; None if there is none. No other one is imported."""
    package = GROUPS[group]
    return import_module(f"{package}.{name}").CHOICE if name in choice_names(package) else None


class Registry(Mapping[str, C]):
    """What can be chosen by name: the `CHOICE` of each module of a package that has one, by its file's name.

    Names are known without importing a choice. To add one is to add its module.

    Attributes:
        kind: what is chosen, as messages call it: "map".
        package: that holds the modules.
    """

    def __init__(self, kind: str, package: str) -> None:
        """Nothing is imported yet."""
        self.kind, self.package = kind, package

    @classmethod
    def of_group(cls, kind: str, group: str) -> "Registry[C]":
        """The registry of a group of `configs/`."""
        return cls(kind, GROUPS[group])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names, in alphabetical order."""
        return choice_names(self.package)

    def __getitem__(self, name: str) -> C:
        """The choice of a name.

        Raises:
            KeyError: there is none.
        """
        if name not in self.names:
            raise KeyError(name)
        chosen: C = import_module(f"{self.package}.{name}").CHOICE
        return chosen

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many choices there are."""
        return len(self.names)

    def named(self, name: object, key: str) -> C:
        """The choice of a name, for a key of the configuration.

        Raises:
            ConfigError: there is none; names the key and the choices.
        """
        if name not in self.names:
            raise ConfigError(
                key, f"must be one of {', '.join(self.names)}, got {name}{similar(name, self.names)}"
            )
        return self[str(name)]
