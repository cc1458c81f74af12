"""What claims about proteins need: the authors' network and their tolerance."""

from enum import Enum
from types import SimpleNamespace

import pytest

from nnrep.figures.proteins import network_name, network_need, notes_on_networks, stopping_need


class Graph(Enum):
    bonds = "bonds"
    slow_modes = "slow_modes"


AUTHORS = {"graph": Graph.bonds, "self_weight": 0.2, "residual": "concat", "widths": (300, 300, 300)}


def config_of(min_delta=0.1, coarse=0.1, name="gnn", **reparam) -> SimpleNamespace:
    schedule = SimpleNamespace(
        name="paper", coarse=SimpleNamespace(min_delta=coarse), fine=SimpleNamespace(min_delta=min_delta)
    )
    network = SimpleNamespace(name=name, strength=5.0, **(AUTHORS | reparam))
    return SimpleNamespace(minimizes=True, reparam=network, schedule=schedule)


def evidence_of(*configs) -> SimpleNamespace:
    return SimpleNamespace(configs=configs)


@pytest.mark.parametrize(
    "other",
    [
        {"graph": Graph.slow_modes},
        {"self_weight": None},
        {"residual": "none"},
        {"residual": "add"},
        {"widths": (300, 150, 150)},
        {"widths": (50, 50, 50)},
    ],
)
def test_another_network_is_told(other):
    need = network_need(300)
    assert need.lacking(evidence_of(config_of())) == ""
    assert need.lacking(evidence_of(config_of(), config_of(**other))) == network_name(
        config_of(**other).reparam
    )
    assert need.lacking(evidence_of(config_of(name="none", **other))) == ""  # concerns networks alone


def test_another_tolerance_is_told():
    need = stopping_need()
    assert need.lacking(evidence_of(config_of(), config_of(coarse=1.0, name="none"))) == ""
    assert need.lacking(evidence_of(config_of(coarse=1.0))) == "min_delta 0.1 and 1"
    assert need.lacking(evidence_of(config_of(min_delta=1e-6, coarse=1e-6))) == "min_delta 1e-06"


def test_notes_say_which_networks_the_rows_are_of():
    slow = config_of(graph=Graph.slow_modes, widths=(300, 150))
    (note,) = notes_on_networks(evidence_of(config_of(), config_of(), slow, config_of(name="none")))
    assert note == (
        "Networks: graph=bonds, self_weight=0.2, residual=concat, widths 300-300-300; "
        "graph=slow_modes, strength=5.0, residual=concat, widths 300-150."
    )
