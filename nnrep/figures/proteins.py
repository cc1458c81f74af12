"""The paper's runs of proteins: what a claim about them needs, what differs, which network it is of."""

import math
from functools import partial
from typing import Any

import pandas as pd

from nnrep.config.schema import RunConfig
from nnrep.figures.analysis.labels import NETWORK
from nnrep.figures.evidence import Evidence
from nnrep.figures.needs import Need, config_need
from nnrep.minimization import Status

SELF_WEIGHT = 0.2
MIN_DELTA = 0.1  # kJ/mol, of the authors' early stopping
EPOCH = 500  # steps after which their count of checks without improvement restarts
LEARNING_RATE, NETWORK_RATE = 4e-3, 8e-5  # of the positions, and of a network, where the authors begin
OPTIMIZER = "adam"
CLAMP = 0.01  # of gradients
CHEMICAL_ACCURACY = 4.184  # kJ/mol: 1 kcal/mol
NEAR_COPIES = "runs of one start differ by noise of 0.01 A"
FITTED_TO_START = "the network is first fitted to the start (the authors': to the native structure)"
RESIDUAL = (True, "concat")  # the last layer sees the input and every layer


def network_need(*widths: int) -> Need:
    """The authors' network: bonds + 0.2 I, residual, layers as wide as the latent, of one of these widths."""
    among = " or ".join(map(str, widths))
    what = f"the authors' network (bonds + {SELF_WEIGHT:g} I, residual, all layers {among} wide)"
    return config_need(what, partial(_other_network, widths))


def _other_network(widths: tuple[int, ...], config: RunConfig) -> str:
    if not config.minimizes or config.reparam.name != NETWORK:
        return ""
    return "" if _is_authors(config.reparam, widths) else network_name(config.reparam)


def _is_authors(reparam: Any, widths: tuple[int, ...]) -> bool:
    bonds = _plain(reparam.graph) == "bonds" and reparam.self_weight == SELF_WEIGHT
    own = set(reparam.widths)
    return bonds and _plain(reparam.residual) in RESIDUAL and len(own) == 1 and own <= set(widths)


def network_name(reparam: Any) -> str:
    """A network as reports name it: "graph=bonds, self_weight=0.2, residual=concat, widths 300-300-300"."""
    parts = [f"graph={_plain(reparam.graph)}"]
    if _plain(reparam.graph) == "bonds":
        parts.append(f"self_weight={reparam.self_weight}")
    else:
        parts.append(f"strength={reparam.strength}")
    widths = "-".join(map(str, reparam.widths))
    return ", ".join([*parts, f"residual={_plain(reparam.residual)}", f"widths {widths}"])


def notes_on_networks(evidence: Evidence) -> list[str]:
    """Which networks the rows are of, a sentence if there are some."""
    networks = [config.reparam for config in _minimized(evidence) if config.reparam.name == NETWORK]
    names = dict.fromkeys(map(network_name, networks))
    return [f"Networks: {'; '.join(names)}."] if names else []


def stopping_need() -> Need:
    """The authors' early stopping, by which runs on this energy take a few thousand steps."""
    return config_need(f"min_delta {MIN_DELTA:g}, checks counted anew every {EPOCH} steps", _other_stopping)


def _other_stopping(config: RunConfig) -> str:
    if not config.minimizes:
        return ""
    stages = _stages(config)
    if not stages:
        return f"schedule={config.schedule.name}"
    tolerances, epochs = {stage.min_delta for stage in stages}, {stage.epoch for stage in stages}
    lacking = [] if tolerances == {MIN_DELTA} else [f"min_delta {_listed(tolerances)}"]
    lacking += [] if epochs == {EPOCH} else [f"epoch {_listed(epochs)}"]
    return ", ".join(lacking)


def descent_need() -> Need:
    """The authors' optimiser, and the learning rates with which they begin."""
    what = f"{OPTIMIZER}, learning rate {LEARNING_RATE:g}, of the network {NETWORK_RATE:g}"
    return config_need(what, _other_descent)


def _other_descent(config: RunConfig) -> str:
    stages = _stages(config) if config.minimizes else []
    if stages and config.optimizer.name != OPTIMIZER:
        return f"optimizer={config.optimizer.name}"
    rates = [stage.learning_rate for stage in stages]
    wanted = [LEARNING_RATE, NETWORK_RATE][: len(rates)]
    as_wanted = all(math.isclose(*pair) for pair in zip(rates, wanted, strict=True))
    return "" if as_wanted else f"learning rate {', of the network '.join(f'{rate:g}' for rate in rates)}"


def _stages(config: RunConfig) -> list[Any]:
    """The stages that a run has, the positions' before the network's; none of other schedules."""
    if config.schedule.name != "paper":
        return []
    own = [config.schedule.coarse] if config.reparam.name == NETWORK else []
    return [config.schedule.fine, *own]


def force_field_need(*names: str) -> Need:
    """Runs on these energies alone."""
    return config_need(
        f"force field {' or '.join(names)}",
        lambda config: "" if config.system.force_field in names else config.system.force_field,
    )


def clamp_caveats(evidence: Evidence) -> list[str]:
    """Whether gradients are clamped as the authors do."""
    clamps = {config.optimizer.clamp for config in _minimized(evidence) if config.optimizer.name == OPTIMIZER}
    return [f"gradients are not clamped (the authors: to {CLAMP:g})"] if clamps - {CLAMP} else []


def rate_caveats(evidence: Evidence) -> list[str]:
    """Whether learning rates are annealed as the authors do."""
    stages = [stage for config in _minimized(evidence) for stage in _stages(config)]
    constant = any(stage.anneal is None for stage in stages)
    text = (
        "learning rates are constant (the authors' network: 8e-5, then 4e-4, annealed by 40 to 50 over a run)"
    )
    return [text] if constant else []


def cut_caveats(evidence: Evidence, runs: pd.DataFrame) -> list[str]:
    """How many networks of some runs had not stopped when their stage ended, with the run or before it."""
    limits = {
        (config.max_steps, config.schedule.coarse_steps(config.max_steps))
        for config in _minimized(evidence)
        if config.reparam.name == NETWORK and _stages(config)
    }
    if len(limits) != 1:
        return []
    whole, most = limits.pop()
    own = runs[runs["reparam"] == NETWORK]
    cut = int((own["steps_coarse"] >= min(most, whole)).sum())
    if cut == 0:
        return []
    if most >= whole:
        then = "their positions were never free, as would be the authors'"
        return [f"{cut} of {len(own)} networks had not stopped after all {whole} steps: {then}"]
    return [
        f"{cut} of {len(own)} networks were still falling after {most} of {whole} steps, where the positions "
        "became free (the authors': once the network has stopped)"
    ]


def at_max_steps(runs: pd.DataFrame) -> str:
    """How many of some runs had no steps left before they came to rest: " [12 of 15 runs at max_steps]"."""
    counted = limited_of(int((runs["status"] == Status.step_limit.name).sum()), len(runs))
    return f" [{counted}]" if counted else ""


def limited_of(limited: int, total: int) -> str:
    """ "12 of 15 runs at max_steps"; nothing of none."""
    return f"{limited} of {total} runs at max_steps" if limited else ""


def _minimized(evidence: Evidence) -> list[RunConfig]:
    return [config for config in evidence.configs if config.minimizes]


def _listed(values: set[Any]) -> str:
    """ "0.1 and 1"."""
    ordered = sorted(values, key=lambda value: -math.inf if value is None else value)
    return " and ".join("null" if value is None else f"{value:g}" for value in ordered)


def _plain(value: Any) -> Any:
    """An enum's value, or what is none."""
    return getattr(value, "value", value)
