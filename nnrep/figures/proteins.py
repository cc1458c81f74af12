"""The paper's runs of proteins: what a claim about them needs, and which network a row is of."""

from functools import partial
from typing import Any

from nnrep.config.schema import RunConfig
from nnrep.figures.analysis.labels import NETWORK
from nnrep.figures.evidence import Evidence
from nnrep.figures.needs import Need, config_need

SELF_WEIGHT = 0.2
MIN_DELTA = 0.1  # kJ/mol, of the authors' early stopping
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
    minimized = [config for config in evidence.configs if getattr(config, "minimizes", False)]
    networks = [config.reparam for config in minimized if config.reparam.name == NETWORK]
    names = dict.fromkeys(map(network_name, networks))
    return [f"Networks: {'; '.join(names)}."] if names else []


def stopping_need() -> Need:
    """The authors' tolerance, at which runs on this energy stop after a few thousand steps."""
    return config_need(f"min_delta {MIN_DELTA:g}", _other_tolerance)


def _other_tolerance(config: RunConfig) -> str:
    if not config.minimizes or config.schedule.name != "paper":
        return ""
    given = {stage.min_delta for stage in (config.schedule.coarse, config.schedule.fine)}
    if config.reparam.name != NETWORK:
        given = {config.schedule.fine.min_delta}
    return "" if given == {MIN_DELTA} else f"min_delta {' and '.join(f'{each:g}' for each in sorted(given))}"


def _plain(value: Any) -> Any:
    """An enum's value, or what is none."""
    return getattr(value, "value", value)
