"""Systems by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnrep.choices.registry import Registry
from nnrep.choices.settings import build
from nnrep.errors import AsCode, is_integer, require
from nnrep.structures.file_names import existing_folder
from nnrep.systems.settings import SystemConfig
from nnrep.systems.system import System

SYSTEMS: Registry[type[SystemConfig]] = Registry.of_group("system", "system")


def load_system(name: str, *, seed: int = 0, structures: Sequence[str | Path] = (), **options: Any) -> System:
    """A system by name, its options as the configuration group `system` has them.

    Examples: ``load_system("loop", n=200, potential="pure_lj")``,
    ``load_system("protein", pdb="2JOF", structures=["pdb"], start="perturbed")``,
    ``load_system("molecule", topology="x.prmtop", coordinates="x.inpcrd")``.

    Args:
        name: "loop", "protein", "molecule" or "cluster".
        seed: of the start that `System.positions` holds; `minimize` draws the starts of its own seeds.
        structures: folders in which entries of the Protein Data Bank are looked for first.
        options: fields of the system's settings (`LoopConfig`, `ProteinConfig`, ...); enums by name.

    Raises:
        ConfigError: unknown name or option, wrong type, value out of range.
        UserError: a structure cannot be found or not be computed.
    """
    kind = SYSTEMS.named(name, "system")
    require(is_integer(seed) and 0 <= seed < 2**31, "seed", "from 0 to 2^31 - 1", AsCode(seed))
    listed = isinstance(structures, Sequence) and not isinstance(structures, str)
    require(listed, "structures", "a list of folders", AsCode(structures))
    for folder in structures:
        existing_folder(folder, "structures")
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in options.items()}
    config = build(kind, plain)
    return config.build(config.molecule([str(folder) for folder in structures]), seed)
