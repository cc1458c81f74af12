"""What is added and then forgotten somewhere ends in an error, never in another choice under its name."""

from dataclasses import dataclass, replace
from enum import Enum

import jax.numpy as jnp
import pandas as pd
import pytest

from nnrep.figures.beyond import methods_of
from nnrep.records.rows import run_rows
from nnrep.reparam import build
from nnrep.systems import load_system
from nnrep.systems.protein import ProteinConfig, protein_molecule, protein_system


@dataclass
class Strange:
    name: str = "strange"
    learning_rate_factor: float = 1.0


class Strangers(Enum):
    strange = "strange"


def test_a_map_that_nothing_builds_is_no_identity():
    with pytest.raises(TypeError, match="Strange"):
        build._reparam(load_system("loop", n=20), None, Strange())


def test_a_force_field_that_nothing_builds_is_no_other_one():
    config = replace(ProteinConfig(), force_field=Strangers.strange)
    with pytest.raises(TypeError, match="strange"):
        protein_system(config, protein_molecule(ProteinConfig(), []))


def test_a_term_without_a_column_is_not_dropped(tmp_path, monkeypatch):
    from nnrep.records import rows

    system = replace(load_system("loop", n=20), energy_terms=lambda x: {"strange": jnp.sum(x**2)})
    monkeypatch.setattr(rows, "_settings", lambda *arguments: {})
    monkeypatch.setattr(rows, "config_hash", lambda config: "")
    with pytest.raises(TypeError, match="energy_strange"):
        run_rows(system, _no_modes(), _ended(system), _Config(), 1.0)


@pytest.mark.parametrize(
    ("column", "value"), [("optimizer", "strange"), ("reparam", "strange"), ("baseline", "strange")]
)
def test_a_method_without_a_name_is_nobody_elses(column, value):
    row = {"baseline": "none", "reparam": "none", "optimizer": "adam"}
    assert methods_of(pd.DataFrame([row])).tolist() == ["GD"]
    with pytest.raises(ValueError, match="strange"):
        methods_of(pd.DataFrame([row, row | {column: value}]))


def _no_modes():
    from nnrep.modes.request import NO_MODES

    return NO_MODES


def _ended(system):
    from nnrep.minimization import minimize

    return minimize(system, max_steps=0)


class _Config:
    class precision:  # noqa: N801
        value = "float64"
