"""What is added and then forgotten somewhere ends in an error, never in another choice under its name."""

import pickle
import sys
import types
from dataclasses import replace

import jax.numpy as jnp
import pandas as pd
import pytest

import nnrep
from nnrep.choices.registry import Registry
from nnrep.errors import ConfigError
from nnrep.figures.analysis.labels import methods_of
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.schedules.registry import SCHEDULES
from nnrep.minimization.stopping.registry import RULES
from nnrep.records.rows import run_rows
from nnrep.records.table import in_columns, run_columns
from nnrep.reparam.registry import MAPS
from nnrep.reparam.settings import MapConfig
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.protein import ProteinConfig
from nnrep.systems.registry import SYSTEMS
from nnrep.systems.solvents.registry import SOLVENTS

REGISTRIES = (MAPS, FORCE_FIELDS, OPTIMIZERS, SCHEDULES, RULES, SOLVENTS, SYSTEMS)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_an_unknown_name_is_an_error(registry):
    with pytest.raises(ConfigError, match=f"^key: must be one of {', '.join(registry)}, got qqqqq$"):
        registry.named("qqqqq", "key")
    with pytest.raises(KeyError):
        registry["qqqqq"]


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_module_of_a_room_is_a_choice_or_said_not_to_be(registry):
    assert all(registry[name] is not None for name in registry)


def test_a_module_without_a_choice_is_an_error(monkeypatch):
    registry: Registry = Registry("map", "nnrep.reparam", MAPS.others - {"base"})
    with pytest.raises(TypeError, match=r"^nnrep\.reparam\.base has no CHOICE of a map"):
        registry["base"]


def test_a_map_that_nothing_builds_is_no_identity():
    strange = MapConfig(name="strange", learning_rate_factor=1.0)
    with pytest.raises(NotImplementedError):
        strange.build(nnrep.load_system("loop", n=20), None, None)


def test_a_force_field_that_nothing_builds_is_no_other_one():
    with pytest.raises(ConfigError, match=r"^force_field: must be one of amber14, .*, got strange$"):
        ProteinConfig(force_field="strange")


def test_a_term_that_no_force_field_has_gets_its_column():
    rows = in_columns(pd.DataFrame({"energy": [1.0], "energy_strange": [2.0]}))
    assert rows["energy_strange"].tolist() == [2.0]
    columns = list(rows.columns)
    assert columns.index("energy_bound") < columns.index("energy_strange") < columns.index("energy_openmm")
    assert [name for name in columns if name != "energy_strange"] == run_columns()


def test_a_column_that_a_table_does_not_have_is_not_dropped():
    with pytest.raises(ValueError, match="no columns strange"):
        in_columns(pd.DataFrame({"energy": [1.0], "strange": [2.0]}))


def test_a_term_cannot_take_the_place_of_another_column():
    system = replace(nnrep.load_system("loop", n=20), energy_terms=lambda x: {"start": jnp.sum(x**2)})
    plan = types.SimpleNamespace(hash="", minimizes=False, config=_config())
    with pytest.raises(ValueError, match="cannot be called start"):
        run_rows(system, (), nnrep.minimize(system, max_steps=0), plan, 1.0)


def _config():
    names = {"name": "strange", "columns": lambda molecule: {}}
    group = types.SimpleNamespace(**names)
    return types.SimpleNamespace(system=group, baseline=group)


@pytest.mark.parametrize(
    ("column", "value"), [("optimizer", "strange"), ("reparam", "strange"), ("baseline", "strange")]
)
def test_a_method_without_a_name_is_nobody_elses(column, value):
    row = {"baseline": "none", "reparam": "none", "optimizer": "adam"}
    assert methods_of(pd.DataFrame([row])).tolist() == ["GD"]
    with pytest.raises(ValueError, match="strange"):
        methods_of(pd.DataFrame([row, row | {column: value}]))


def test_what_a_registry_names_is_imported_when_it_is_asked_for():
    assert all(f"nnrep.reparam.{name}" in sys.modules for name in MAPS if MAPS[name])


def test_errors_reach_other_processes_whole():
    error = pickle.loads(pickle.dumps(ConfigError("system.n", "must be at least 2, got 1")))
    assert (error.key, error.reason) == ("system.n", "must be at least 2, got 1")
    assert str(error) == "system.n: must be at least 2, got 1"
