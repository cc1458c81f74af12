"""What the package says of itself in more than one place is the same everywhere."""

import ast

import pytest
import yaml
from checkout import ROOT

import nnrep
from nnrep import minimization


def names_for_type_checkers() -> set[str]:
    """What `nnrep/__init__.py` imports for type checkers alone."""
    tree = ast.parse((ROOT / "nnrep" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {alias.asname for node in block.body for alias in node.names}


def test_type_checkers_know_the_public_names():
    assert names_for_type_checkers() == set(nnrep.__all__)


def test_all_of_the_minimisation_is_public():
    assert set(minimization.__all__) <= set(nnrep.__all__)


@pytest.mark.parametrize("name", nnrep.__all__)
def test_a_public_name_is_there(name):
    assert getattr(nnrep, name) is not None


def test_a_citation_names_the_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == nnrep.__version__
