"""What Hydra needs to compose a configuration: functions that `configs/` uses, our plugins, all choices."""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.choices.registry import GROUPS, choice_names, choice_of


def add_plugins() -> None:
    """Let Hydra find our sweeper and launcher, which must be in the namespace package `hydra_plugins`."""
    folder = str(Path(__file__).resolve().parent.parent / "plugins")
    if folder not in sys.path:
        sys.path.append(folder)
    # Hydra looks for plugins once in a process, which may have been before.
    Plugins.instance().register(import_module("hydra_plugins.nnrep_grids").GridSweeper)
    launchers = import_module("hydra_plugins.nnrep_launchers")
    for launcher in (launchers.LocalLauncher, launchers.EngineLauncher):
        Plugins.instance().register(launcher)
    _prefer_our_launchers()


def _prefer_our_launchers() -> None:
    """Forget what other plugins call by the names of our files, which Hydra would take for their schema."""
    named = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    for path in (config_folder() / "hydra" / "launcher").glob("*.yaml"):
        named.pop(path.name, None)


def register_resolvers(verb: str = "run") -> None:
    """The functions that `configs/` uses."""

    def label(reparam: str, baseline: str, schedule: str) -> str:
        """What a run's folder is named after."""
        if verb != "run":
            return verb
        if baseline != "none":
            return baseline
        return reparam if schedule == "paper" else schedule

    add_choices()
    OmegaConf.register_new_resolver("multiply", _multiply, replace=True)
    OmegaConf.register_new_resolver("by", _by, replace=True)
    OmegaConf.register_new_resolver("twice", lambda count: 2 * count, replace=True)
    OmegaConf.register_new_resolver("label", label, replace=True)


def _by(choice: str, values: Mapping[str, Any]) -> Any:
    """The value of a choice, or that of `else`; none of an unknown one, which its own key refuses."""
    value = values.get(choice, values.get("else"))
    return OmegaConf.create(value) if isinstance(value, list) else value


def _multiply(*factors: float) -> float:
    product = 1.0
    for factor in factors:
        product *= factor
    return float(f"{product:.15g}")  # 10 * 1e-6 is 1e-5


def add_choices() -> None:
    """Let Hydra know the choices without a file in `configs/`, whose defaults are those of their settings."""
    for group, package in GROUPS.items():
        for name in choice_names(package):
            if not (config_folder() / group / f"{name}.yaml").is_file():
                ConfigStore.instance().store(name, default_values(group, name), group)


def default_values(group: str, name: str) -> dict[str, object]:
    """The defaults of a choice without a file in `configs/`: those of its settings."""
    from nnrep.choices.identity import plain_form
    from nnrep.choices.settings import build

    return plain_form(build(choice_of(group, name), {"name": name}))
