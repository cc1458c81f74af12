"""What Hydra needs to compose a configuration: the functions that `configs/` uses, and our sweeper."""

import sys
from pathlib import Path

from omegaconf import OmegaConf

PURPOSES = {
    "run": "minimise a system's energy through a map, then with free positions",
    "modes": "show the slow modes of a system, and how robust they are",
}


def add_plugins() -> None:
    """Let Hydra find our sweeper, which it looks for in the namespace package `hydra_plugins` only."""
    folder = str(Path(__file__).resolve().parent.parent / "plugins")
    if folder not in sys.path:
        sys.path.append(folder)


def register_resolvers(verb: str = "run") -> None:
    """The functions that `configs/` uses."""

    def label(reparam: str, baseline: str, schedule: str) -> str:
        """What a run's folder is named after."""
        if verb != "run":
            return verb
        if baseline != "none":
            return baseline
        return reparam if schedule == "paper" else schedule

    OmegaConf.register_new_resolver("verb", lambda: verb, replace=True)
    OmegaConf.register_new_resolver("purpose", lambda: PURPOSES[verb], replace=True)
    OmegaConf.register_new_resolver("multiply", _multiply, replace=True)
    OmegaConf.register_new_resolver("twice", lambda count: 2 * count, replace=True)
    OmegaConf.register_new_resolver("label", label, replace=True)


def _multiply(*factors: float) -> float:
    product = 1.0
    for factor in factors:
        product *= factor
    return float(f"{product:.15g}")  # 10 * 1e-6 is 1e-5
