"""Labels of methods, loops and baselines: each value has its own, and an unknown one is an error."""

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from nnrep.baselines.registry import BASELINES
from nnrep.choices.defaults import config_folder
from nnrep.config.compose import register_resolvers
from nnrep.config.schema import load_config
from nnrep.figures.analysis import labels
from nnrep.figures.analysis.labels import Labels, methods_of
from nnrep.figures.fig6.settings import labelled
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.reparam.registry import MAPS

TABLES = [value for value in vars(labels).values() if isinstance(value, Labels)]
ROW = {"baseline": "none", "reparam": "none", "optimizer": "adam", "start": "native"}


@pytest.mark.parametrize("table", TABLES)
def test_an_unknown_value_has_no_label(table):
    assert all(table[value] == label for value, label in table.items())
    with pytest.raises(ValueError, match="strange: has no label"):
        table["strange"]


@pytest.mark.parametrize("table", [table for table in TABLES if table is not labels.OPTIMIZER_LABELS])
def test_labels_are_of_one_value_each(table):
    assert len(set(table.values())) == len(table)


def test_every_choice_has_a_label_of_its_own():
    names = {"optimizer": OPTIMIZERS, "reparam": MAPS, "baseline": BASELINES}
    rows = [ROW | {column: name} for column, choices in names.items() for name in choices]
    rows = [row for number, row in enumerate(rows) if row not in rows[:number]]
    methods = dict(zip([tuple(row.values()) for row in rows], methods_of(pd.DataFrame(rows)), strict=True))
    plain = [name for name in OPTIMIZERS if methods.pop(("none", "none", name, "native")) == labels.GD]
    assert plain == [*labels.OPTIMIZER_LABELS]
    assert len(set(methods.values())) == len(methods)
    assert {"L-BFGS", "FIRE", "GD"}.isdisjoint(methods.values())


def test_every_schedule_of_several_maps_has_its_own_name_as_label():
    register_resolvers("run")
    names = sorted(path.stem for path in (config_folder() / "schedule").glob("*.yaml"))
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        configs = {name: load_config(compose("config", [f"schedule={name}"])) for name in names}
    assert {name: config.schedule.shown_name for name, config in configs.items()} == {
        each: each for each in names
    }
    # By their maps in tables that are older than the column.
    maps = {name: config.schedule.maps(config.reparam) for name, config in configs.items()}
    several = {"+".join(each.name for each in maps[name]): name for name in maps if len(maps[name]) > 1}
    assert labels.SCHEDULE_LABELS.items() <= several.items()


def test_other_schedules_than_the_papers_are_named_by_themselves():
    network = ROW | {"reparam": "egnn+spectral+none"}
    rows = [
        ROW | {"schedule": "paper"},
        ROW | {"schedule": "hopping"},
        ROW | {"schedule": "hopping", "optimizer": "lbfgs", "reparam": "cg"},
        network | {"schedule": "network"},
        network | {"schedule": "staged"},
        network | {"schedule": "our own list"},
        ROW | {"schedule": "staged"},
        network,
        ROW | {"schedule": ""},
        ROW | {"baseline": "openmm_minimizer", "optimizer": "openmm_minimizer", "schedule": None},
    ]
    assert methods_of(pd.DataFrame(rows)).tolist() == [
        *("GD", "hopping", "hopping", "network", "staged", "our own list", "staged", "network", "GD"),
        "OpenMM minimiser",
    ]


def test_methods_are_named_by_baseline_map_and_optimizer():
    rows = [
        ROW,
        ROW | {"optimizer": "sgd"},
        ROW | {"optimizer": "fire"},
        ROW | {"optimizer": "lbfgs"},
        ROW | {"reparam": "torsion"},
        ROW | {"reparam": "gnn"},
        ROW | {"reparam": "gnn", "optimizer": "fire"},
        ROW | {"reparam": "none+cholesky"},
        ROW | {"baseline": "openmm_minimizer", "optimizer": "openmm_minimizer"},
    ]
    assert methods_of(pd.DataFrame(rows)).tolist() == [
        *("GD", "GD", "FIRE", "L-BFGS", "torsion", "GNN", "GNN", "relaxed", "OpenMM minimiser")
    ]


@pytest.mark.parametrize("column", ["baseline", "reparam", "optimizer"])
def test_figure_6_gives_no_method_the_name_of_another(column):
    table = pd.DataFrame([ROW, ROW | {"reparam": "gnn"}, ROW | {"reparam": "cg"}])
    table = table.assign(hidden=["", "32-16", ""])
    assert labelled(table)["method"].tolist() == ["GD", "GNN1", "CG"]
    with pytest.raises(ValueError, match="strange"):
        labelled(pd.concat([table, pd.DataFrame([ROW | {column: "strange"}])], ignore_index=True))
