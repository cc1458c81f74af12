"""Where the defaults of choices stand, once: `configs/`, one file a choice."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nnrep.errors import UserError


def config_folder() -> Path:
    """The configurations: inside an installed package, else those of the checkout.

    Raises:
        UserError: they are missing.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise UserError(f"{package / 'configs'}: the configurations are missing; install nnrep again")


@cache
def defaults_of(file: str, group: str = "") -> Mapping[str, Any]:
    """The values of a file of `configs/`; empty where there is no such file.

    Args:
        file: its path below `configs/` without suffix: "reparam/gnn".
        group: of a group of values in it, its name: "fit".
    """
    values = _values_of(file)
    inside = values.get(group, {}) if group else values
    return {str(key): value for key, value in inside.items()}


@cache
def _values_of(file: str) -> dict[Any, Any]:
    """Of the whole file: several groups of it are asked for, and it is read once."""
    path = config_folder() / f"{file}.yaml"
    if not path.is_file():
        return {}
    values = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(values, dict)
    return values
