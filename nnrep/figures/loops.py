"""The paper's loops: what a claim about them needs."""

from dataclasses import fields

from nnrep.choices.settings import build
from nnrep.config.schema import RunConfig
from nnrep.figures.analysis.labels import NETWORK
from nnrep.figures.needs import Need, config_need, steps_needed
from nnrep.systems.loop import LoopConfig

PAPER_STEPS = 60_000  # 20 x 3000, of a run that does not stop by itself
# What a figure may vary and is the paper's loop all the same.
FREE_KEYS = {"n", "potential", "runs_per_start", "repulsion_epoch"}
PAPER_EPOCH = 3000  # steps for which the authors' code keeps repelling pairs


def is_published(system: object) -> bool:
    """Whether a system's configuration is the paper's loop, of whatever size, potential and starts."""
    if not isinstance(system, LoopConfig):
        return False
    paper = build(LoopConfig, {})
    names = {field.name for field in fields(paper)} - FREE_KEYS
    return all(getattr(system, name) == getattr(paper, name) for name in names)


def loop_needs(*sizes: int) -> tuple[Need, ...]:
    """The paper's loop in one of these sizes, its network with the raw weights of the modes, all steps."""
    among = " or ".join(map(str, sizes))
    return (
        config_need(f"n {among}", lambda config: "" if config.system.n in sizes else f"n {config.system.n}"),
        config_need("the paper's loop", lambda config: "" if is_published(config.system) else "another loop"),
        config_need("reparam.strength null", _scaled_weights),
        steps_needed(PAPER_STEPS),
    )


def epoch_need() -> Need:
    """Repelling pairs that are kept for an epoch, as in the authors' code."""
    return config_need(f"repulsion_epoch {PAPER_EPOCH}", _other_epoch)


def _other_epoch(config: RunConfig) -> str:
    epoch = config.system.repulsion_epoch
    return "" if epoch == PAPER_EPOCH else f"repulsion_epoch {epoch}"


def _scaled_weights(config: RunConfig) -> str:
    """The authors' convolution has the weights of the modes as they are."""
    strength = config.reparam.strength if config.reparam.name == NETWORK else None
    return "" if strength is None else f"reparam.strength {strength:g}"
