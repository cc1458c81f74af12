"""The structures on which energies are tested: the embedded one, and the paper's if they are there."""

from functools import cache

import pytest
from checkout import SHARED_STRUCTURES

from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared

needs_shared = pytest.mark.skipif(not SHARED_STRUCTURES.is_dir(), reason="no structures beside the checkout")
SHARED_ENTRIES = ["1PLW", "1UNC", "2JOF", "2MGO", "2WXC", "3GB1", "5AWL"]
EMBEDDED = "1L2Y"
ENTRIES = [EMBEDDED, *(pytest.param(entry, marks=needs_shared) for entry in SHARED_ENTRIES)]


@cache
def molecule_of(entry: str) -> Molecule:
    return prepared(None if entry == EMBEDDED else entry, [SHARED_STRUCTURES], Preparation())
