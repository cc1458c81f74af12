"""Systems by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnrep.choices.schema import build
from nnrep.errors import ConfigError
from nnrep.structures.molecule import Molecule
from nnrep.systems.loop import LoopConfig, loop_system
from nnrep.systems.protein import ProteinConfig, protein_molecule, protein_system
from nnrep.systems.system import System

SystemConfig = LoopConfig | ProteinConfig
SYSTEMS: dict[str, type] = {"loop": LoopConfig, "protein": ProteinConfig}


def load_system(name: str, *, seed: int = 0, structures: Sequence[str | Path] = (), **options: Any) -> System:
    """A system by name, its options as the configuration group `system` has them.

    Examples: ``load_system("loop", n=200, potential="pure_lj")``,
    ``load_system("protein", pdb="2JOF", structures=["pdb"], start="perturbed")``.

    Args:
        name: "loop" or "protein".
        seed: of the start that `System.positions` holds; `minimize` draws the starts of its own seeds.
        structures: folders in which entries of the Protein Data Bank are looked for first.
        options: fields of `LoopConfig` or `ProteinConfig`; enums by name.

    Raises:
        ConfigError: unknown name or option, wrong type, value out of range.
        UserError: a structure cannot be found or not be computed.
    """
    if name not in SYSTEMS:
        raise ConfigError("system", f"must be one of {', '.join(SYSTEMS)}, got {name}")
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in options.items()}
    config: SystemConfig = build(SYSTEMS[name], plain)
    return system_from_config(config, molecule_of(config, [str(folder) for folder in structures]), seed)


def molecule_of(config: SystemConfig, folders: Sequence[str]) -> Molecule | None:
    """The prepared molecule that a checked configuration names; None for a system without one.

    Raises:
        UserError: it cannot be found or not be computed.
    """
    return protein_molecule(config, folders) if isinstance(config, ProteinConfig) else None


def system_from_config(
    config: SystemConfig,
    molecule: Molecule | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> System:
    """The system that a checked configuration describes.

    Args:
        config: its choices.
        molecule: `molecule_of` them.
        seed: of the start.
        on_progress: told how far a start is that has to be simulated, as (done, total) steps.
    """
    if isinstance(config, ProteinConfig):
        assert molecule is not None
        return protein_system(config, molecule, seed, on_progress)
    return loop_system(config, seed)
