"""What is added and then forgotten somewhere ends in an error, never in another choice under its name."""

import pickle
import pkgutil
import subprocess
import sys
import types
from dataclasses import replace
from importlib import import_module

import jax.numpy as jnp
import pandas as pd
import pytest
from checkout import ROOT

import nnrep
from nnrep.baselines.registry import BASELINES
from nnrep.baselines.settings import BaselineConfig
from nnrep.commands.command import Command
from nnrep.commands.registry import COMMANDS
from nnrep.errors import ConfigError, UserError
from nnrep.figures.analysis.labels import methods_of
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.minimization.optimizers.settings import OptimizerConfig
from nnrep.minimization.schedules.registry import SCHEDULES
from nnrep.minimization.schedules.settings import ScheduleConfig
from nnrep.minimization.stopping.registry import RULES
from nnrep.minimization.stopping.settings import RuleChoice
from nnrep.records.rows import run_rows
from nnrep.records.table import in_columns, run_columns
from nnrep.reparam.registry import MAPS
from nnrep.reparam.settings import MapConfig
from nnrep.structures.engines.engine import Engine
from nnrep.structures.engines.registry import ENGINES
from nnrep.sweep.engines.engine import EngineSettings
from nnrep.sweep.engines.registry import ENGINES as SWEEP_ENGINES
from nnrep.systems.force_fields.force_field import ForceField
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.protein import ProteinConfig
from nnrep.systems.registry import SYSTEMS
from nnrep.systems.settings import SystemConfig
from nnrep.systems.solvents.registry import SOLVENTS
from nnrep.systems.solvents.solvent import Solvent

REGISTRIES = (MAPS, FORCE_FIELDS, OPTIMIZERS, SCHEDULES, RULES, SOLVENTS, SYSTEMS)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_an_unknown_name_is_an_error(registry):
    with pytest.raises(ConfigError, match=f"^key: must be one of {', '.join(registry)}, got qqqqq$"):
        registry.named("qqqqq", "key")
    with pytest.raises(KeyError):
        registry["qqqqq"]


ROOMS = (
    *((MAPS, MapConfig), (OPTIMIZERS, OptimizerConfig), (SCHEDULES, ScheduleConfig), (SYSTEMS, SystemConfig)),
    *((BASELINES, BaselineConfig), (SWEEP_ENGINES, EngineSettings), (ENGINES, Engine), (COMMANDS, Command)),
    *((FORCE_FIELDS, ForceField), (SOLVENTS, Solvent), (RULES, RuleChoice)),
)


@pytest.mark.parametrize(("registry", "kind"), ROOMS, ids=lambda given: getattr(given, "package", ""))
def test_what_could_be_chosen_is_a_choice(registry, kind):
    """A module that has settings of its room, or a value of its kind, and no CHOICE has been forgotten."""
    forgotten = []
    for name in _modules_of(registry.package):
        try:
            module = import_module(f"{registry.package}.{name}")
        except UserError:  # an engine whose package is not installed
            continue
        if name not in registry and any(_is_chosen(value, kind, module) for value in vars(module).values()):
            forgotten.append(name)
    assert forgotten == (["files"] if registry is FORCE_FIELDS else [])  # which are named by themselves
    assert {*registry} < set(_modules_of(registry.package))


def _modules_of(package):
    """But for the registry, which has what is in the others."""
    modules = pkgutil.iter_modules([str(ROOT.joinpath(*package.split(".")))])
    return [module.name for module in modules if module.name != "registry"]


def _is_chosen(value, kind, module):
    if not isinstance(value, type):
        return isinstance(value, kind)
    own = issubclass(value, kind) and value is not kind and value.__module__ == module.__name__
    return own and not value.__subclasses__()  # those that others are made of cannot be chosen


def test_a_forgotten_choice_is_found():
    class Shear(MapConfig):
        """A map."""

    module = types.ModuleType("nnrep.reparam.shear")
    Shear.__module__ = module.__name__
    assert _is_chosen(Shear, MapConfig, module)
    assert not _is_chosen(MapConfig, MapConfig, module)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_choice_is_there(registry):
    assert all(registry[name] is not None for name in registry)


def test_a_module_without_a_choice_is_none():
    assert "base" not in MAPS
    with pytest.raises(KeyError):
        MAPS["base"]


def test_names_are_known_without_an_import_of_a_choice():
    program = (
        "import sys; from nnrep.choices.registry import GROUPS, choice_names; "
        "names = [name for package in GROUPS.values() for name in choice_names(package)]; "
        "assert {'cg', 'adam', 'loop', 'hopping'} < set(names); "
        "assert not {'jax', 'numpy', *GROUPS.values()} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


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
