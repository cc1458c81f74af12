"""Which jobs of a Hydra sweep are likely to share compiled programs, as far as their configurations tell."""

import math
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnrep.choices.identity import digest, flat
from nnrep.config.overrides import STRUCTURE
from nnrep.structures.file_names import at_home

GROUPS = ("system", "reparam", "modes")  # whose values shape programs
NAMED = ("optimizer", "schedule", "baseline")  # whose names do
KEYS = ("precision", "threads")
FRACTIONS = ("modes", "epsilon")  # numbers with a point that give a count of modes
PASSED = ("seed", "learning_rate")  # in the names of numbers that programs are passed
SIZE_STEP = 1.5  # from one class of structure files to the next, in bytes


def shape_of(config: DictConfig) -> str:
    """Equal for jobs that are likely to share programs; nothing is built, read or fetched for it.

    A wrong guess costs time to compile, no more. Numbers with a point are passed to programs, but for those
    that say how many modes there are. Of a structure the class of its file's size counts: molecules of nearly
    one size share programs.

    Args:
        config: as composed; one that is no run has a shape as well.
    """
    values = {group: _plain(config, group) for group in GROUPS}
    leaves = {key: value for key, value in flat(values).items() if _counts(key, value)}
    leaves[STRUCTURE] = _size_class(leaves.get(STRUCTURE))
    leaves |= {key: _plain(config, key) for key in KEYS}
    leaves |= {name: _plain(config, f"{name}.name") for name in NAMED}
    return digest({key: str(value) for key, value in leaves.items()})


def _plain(config: DictConfig, key: str) -> Any:
    try:
        value = OmegaConf.select(config, key)
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:  # as the job will say
        return None


def _counts(key: str, value: object) -> bool:
    """Whether a value decides which programs there are."""
    name = key.rpartition(".")[2]
    is_passed = any(word in name for word in PASSED)
    return not is_passed and (not isinstance(value, float) or name in FRACTIONS)


def _size_class(name: object) -> str:
    """Of a structure's file; entries, which may have to be fetched first, are one class."""
    if name is None:
        return ""
    path = at_home(str(name))
    try:
        size = path.stat().st_size
    except OSError:
        return "entry"
    return f"{''.join(path.suffixes).lower()} {round(math.log(max(size, 1), SIZE_STEP))}"
