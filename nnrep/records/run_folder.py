"""A run's folder: whose it is, and the files in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from nnrep.errors import UserError
from nnrep.minimization import Result
from nnrep.records.pictures import draw_energy, draw_layouts
from nnrep.records.table import write_table
from nnrep.systems import System

CONFIG, RUNS, HISTORY, POSITIONS = "config.yaml", "runs.csv", "history.csv", "positions.npz"
CHECKPOINT, ENERGY, LAYOUT = "checkpoint.npz", "energy.png", "layout.png"
RUN_FILES = (CONFIG, RUNS, HISTORY, POSITIONS, CHECKPOINT, ENERGY, LAYOUT)


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is touched yet."""
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """Where the state of the unfinished run is kept."""
        return self.path / CHECKPOINT

    def open(self, config: DictConfig) -> bool:
        """Make the folder this run's own.

        Returns:
            Whether it holds this very run, finished.

        Raises:
            UserError: it holds results that would be overwritten.
        """
        wanted = _comparable(config)
        held = sorted(name for name in RUN_FILES if (self.path / name).exists())
        if held and not config.resume:
            raise UserError(
                f"{self.path}: holds the results of a run ({', '.join(held)}); choose another "
                "hydra.run.dir, or continue an unfinished run with resume=true"
            )
        if held:
            self._check_same(wanted)
            if (self.path / RUNS).exists() and not self.checkpoint.exists():
                return True
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / CONFIG).write_text(OmegaConf.to_yaml(wanted))
        return False

    def _check_same(self, wanted: DictConfig) -> None:
        path = self.path / CONFIG
        if not path.exists():
            raise UserError(f"{path}: missing, so this run cannot be resumed; choose another hydra.run.dir")
        was = OmegaConf.load(path)
        for key in sorted(set(_flat(wanted)) | set(_flat(was))):
            before, now = _flat(was).get(key), _flat(wanted).get(key)
            if before != now:
                raise UserError(
                    f"{self.path}: cannot resume, {key} was {before} and is {now}; give the run's own "
                    "configuration or choose another hydra.run.dir"
                )

    def runs(self) -> pd.DataFrame:
        """The table of runs."""
        return pd.read_csv(self.path / RUNS)

    def write(self, system: System, result: Result, rows: pd.DataFrame, finished: bool) -> None:
        """Write every file of the run; a finished one needs its checkpoint no longer."""
        arrays: dict[str, Any] = {
            "seeds": np.asarray(result.seeds),
            "start": result.positions_start,
            "final": result.positions,
        }
        if result.positions_coarse is not None:
            arrays["coarse"] = result.positions_coarse
        np.savez(self.path / POSITIONS, **arrays)
        write_table(self.path / HISTORY, result.history)
        if len(result.history):
            draw_energy(self.path / ENERGY, result.history, system.energy_bound)
        best = int(np.nanargmin(np.where(np.isfinite(result.energy), result.energy, np.inf)))
        title = f"{system.name}, seed {result.seeds[best]}: energy {result.energy[best]:.5g}"
        draw_layouts(self.path / LAYOUT, result.positions_start[best], result.positions[best], title)
        write_table(self.path / RUNS, rows)
        if finished:
            self.checkpoint.unlink(missing_ok=True)


def _comparable(config: DictConfig) -> DictConfig:
    """The resolved configuration without `resume`, which does not change a run."""
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return OmegaConf.create({key: value for key, value in plain.items() if key != "resume"})


def _flat(config: object, prefix: str = "") -> dict[str, object]:
    if not OmegaConf.is_dict(config):
        return {prefix: config}
    flat: dict[str, object] = {}
    for key, value in config.items():  # type: ignore[attr-defined]
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
