"""Choices by name: a registry finds them in a package, one module each."""

import pkgutil
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from nnrep.errors import ConfigError, similar

C = TypeVar("C")

# Group of `configs/` -> the package whose modules are its choices, and the modules of it that are none. They
# stand here, and not in the rooms, so that Hydra can list them before JAX is imported.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "system": (
        "nnrep.systems",
        (
            "ase_energy",
            "checks",
            "force_fields",
            "frozen",
            "fused",
            "measures",
            "molecular",
            "registry",
            "restraints",
            "settings",
            "solvents",
            "system",
        ),
    ),
    "reparam": (
        "nnrep.reparam",
        ("base", "bodies", "build", "fit", "network", "registry", "settings", "springs"),
    ),
    "optimizer": ("nnrep.minimization.optimizers", ("optimizer", "rates", "registry", "settings")),
    "schedule": ("nnrep.minimization.schedules", ("registry", "rules", "settings")),
    "baseline": ("nnrep.baselines", ("openmm_settings", "registry", "run", "settings", "simulation")),
}


def choice_names(package: str, others: Collection[str]) -> tuple[str, ...]:
    """The modules of one of our packages but for the others, in alphabetical order; nothing is imported."""
    folder = Path(__file__).resolve().parents[2].joinpath(*package.split("."))
    modules = pkgutil.iter_modules([str(folder)])
    return tuple(sorted(module.name for module in modules if module.name not in others))


class Registry(Mapping[str, C]):
    """What can be chosen by name: the `CHOICE` of every module of a package, by the module's name.

    Names are known without importing a choice. To add one is to add its module.

    Attributes:
        kind: what is chosen, as messages call it: "map".
        package: that holds the modules.
        others: modules of the package that are no choices.
    """

    def __init__(self, kind: str, package: str, others: Collection[str] = ()) -> None:
        """Nothing is imported yet."""
        self.kind, self.package, self.others = kind, package, frozenset(others)

    @classmethod
    def of_group(cls, kind: str, group: str) -> "Registry[C]":
        """The registry of a group of `configs/`."""
        return cls(kind, *GROUPS[group])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names, in alphabetical order."""
        return choice_names(self.package, self.others)

    def __getitem__(self, name: str) -> C:
        """The choice of a name.

        Raises:
            KeyError: there is none.
            TypeError: its module has no CHOICE.
        """
        if name not in self.names:
            raise KeyError(name)
        module = import_module(f"{self.package}.{name}")
        if not hasattr(module, "CHOICE"):
            raise TypeError(f"{module.__name__} has no CHOICE of a {self.kind}, and is not among its others")
        return module.CHOICE

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
