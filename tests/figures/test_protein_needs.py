"""What claims about proteins need: the authors' network, descent and stopping rule."""

import re
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.plan import load_plan
from nnrep.config.schema import RunConfig
from nnrep.figures.fig4.claims import PAPER_NEEDS
from nnrep.figures.fig5 import FOLDING_NEEDS
from nnrep.figures.fig6.claims import BEST_RATE_NEEDS
from nnrep.figures.fig8.claims import COMPARISON_NEEDS
from nnrep.figures.fig9.claims import EIGENVECTOR_NEEDS
from nnrep.figures.needs import Need
from nnrep.figures.proteins import (
    clamp_caveats,
    cut_caveats,
    descent_need,
    force_field_need,
    network_name,
    network_need,
    notes_on_networks,
    rate_caveats,
    stopping_need,
)
from nnrep.sweep.grids import grid_points


class Graph(Enum):
    bonds = "bonds"
    slow_modes = "slow_modes"


AUTHORS = {"graph": Graph.bonds, "self_weight": 0.2, "residual": "concat", "widths": (300, 300, 300)}


def config_of(
    min_delta=0.1, coarse=0.1, name="gnn", epoch=500, rates=(4e-3, 8e-5), **reparam
) -> SimpleNamespace:
    shared = {"epoch": epoch, "anneal": None}
    schedule = SimpleNamespace(
        name="paper",
        coarse=SimpleNamespace(min_delta=coarse, learning_rate=rates[1], **shared),
        fine=SimpleNamespace(min_delta=min_delta, learning_rate=rates[0], **shared),
    )
    network = SimpleNamespace(name=name, strength=5.0, **(AUTHORS | reparam))
    optimizer = SimpleNamespace(name="adam", clamp=None)
    system = SimpleNamespace(force_field="amber14")
    return SimpleNamespace(
        minimizes=True, reparam=network, schedule=schedule, optimizer=optimizer, system=system
    )


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


@pytest.fixture
def configure():
    register_resolvers()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        yield lambda *overrides: load_plan(compose("config", overrides=list(overrides))).config


@pytest.mark.parametrize(
    ("most", "steps", "said"),
    [
        ("null", [2500, 980], "1 of 2 networks were still falling after 2500 of 5000 steps"),
        ("5000", [5000, 3200], "1 of 2 networks had not stopped after all 5000 steps: .* never free"),
        ("9000", [5000, 5000], "2 of 2 networks had not stopped after all 5000 steps: .* never free"),
        ("5000", [4980, 3200], None),
    ],
)
def test_networks_that_did_not_stop_are_counted(configure, most, steps, said):
    network = configure(
        "system=protein", "reparam=gnn", "max_steps=5000", f"schedule.coarse.max_steps={most}"
    )
    plain = configure("system=protein", "reparam=none", "max_steps=5000")
    runs = pd.DataFrame({"reparam": ["gnn", "gnn", "none"], "steps_coarse": [*steps, 0]})
    caveats = cut_caveats(evidence_of(network, plain), runs)
    assert bool(caveats) == (said is not None)
    assert said is None or re.match(said, caveats[0])


class OfTablesError(Exception):
    """Raised by a need that is none of configurations."""


class Configurations:
    """Evidence before anything has run."""

    def __init__(self, configs: list[RunConfig]) -> None:
        self.configs = configs

    def __getattr__(self, name: str) -> None:
        raise OfTablesError(name)


NEEDS = {
    "fig4": PAPER_NEEDS,
    "fig5": FOLDING_NEEDS,
    "fig6": BEST_RATE_NEEDS,
    "fig8": COMPARISON_NEEDS,
    "fig9": EIGENVECTOR_NEEDS,
}


@pytest.mark.parametrize("figure", NEEDS)
def test_experiments_have_the_settings_that_their_claims_need(figure, configure, tmp_path, monkeypatch):
    """Otherwise none of their claims could ever be tested."""
    monkeypatch.chdir(tmp_path)  # where starts in files are looked for first
    whole = compose("config", [f"+experiment={figure}"], return_hydra_config=True)
    configs = []
    for grid in OmegaConf.to_container(
        whole.hydra.sweeper.grids
    ):  # values that vary are no part of these needs
        point = grid_points([grid], [])[0]
        for override in point:
            if override.startswith("system.start=") and override.endswith(".pdb"):
                Path(override.partition("=")[2]).write_text("END\n")
        configs.append(configure(f"+experiment={figure}", *point))

    def lacking(need: Need) -> str:
        try:
            return need.lacking(Configurations(configs))
        except OfTablesError:
            return ""

    assert {need.what: told for need in NEEDS[figure] if (told := lacking(need))} == {}
    assert "max_steps" in " ".join(need.what for need in NEEDS[figure])


def test_other_learning_rates_and_optimisers_are_told():
    need = descent_need()
    lbfgs = config_of()
    lbfgs.optimizer = SimpleNamespace(name="lbfgs")
    assert need.lacking(evidence_of(config_of(), config_of(name="none", rates=(4e-3, 1.0)))) == ""
    assert (
        need.lacking(evidence_of(config_of(rates=(1e-3, 8e-5))))
        == "learning rate 0.001, of the network 8e-05"
    )
    assert need.lacking(evidence_of(config_of(name="none", rates=(1e-3, 8e-5)))) == "learning rate 0.001"
    assert need.lacking(evidence_of(lbfgs)) == "optimizer=lbfgs"


def test_another_force_field_is_told():
    other = config_of()
    other.system = SimpleNamespace(force_field="classical")
    assert force_field_need("amber14").lacking(evidence_of(config_of())) == ""
    assert force_field_need("amber14").lacking(evidence_of(config_of(), other)) == "classical"


def test_what_differs_from_the_authors_is_a_caveat_while_it_does():
    ours, theirs = config_of(), config_of()
    theirs.optimizer.clamp = 0.01
    for stage in (theirs.schedule.fine, theirs.schedule.coarse):
        stage.anneal = 45
    for caveats in (clamp_caveats, rate_caveats):
        assert len(caveats(evidence_of(theirs, ours))) == 1
        assert caveats(evidence_of(theirs)) == []


def test_another_tolerance_is_told():
    need = stopping_need()
    assert need.lacking(evidence_of(config_of(), config_of(coarse=1.0, name="none"))) == ""
    assert need.lacking(evidence_of(config_of(coarse=1.0))) == "min_delta 0.1 and 1"
    assert need.lacking(evidence_of(config_of(min_delta=1e-6, coarse=1e-6))) == "min_delta 1e-06"
    assert need.lacking(evidence_of(config_of(epoch=None))) == "epoch null"
    staged = SimpleNamespace(minimizes=True, schedule=SimpleNamespace(name="relaxed"))
    assert need.lacking(evidence_of(staged)) == "schedule=relaxed"


def test_notes_say_which_networks_the_rows_are_of():
    slow = config_of(graph=Graph.slow_modes, widths=(300, 150))
    (note,) = notes_on_networks(evidence_of(config_of(), config_of(), slow, config_of(name="none")))
    assert note == (
        "Networks: graph=bonds, self_weight=0.2, residual=concat, widths 300-300-300; "
        "graph=slow_modes, strength=5.0, residual=concat, widths 300-150."
    )
