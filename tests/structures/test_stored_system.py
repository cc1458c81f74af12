"""A molecule's OpenMM system comes from the store as it was made, without the force field being read."""

import openmm
import pytest

from nnrep.structures import force_field as module
from nnrep.structures import store
from nnrep.structures.force_field import stored_vacuum_system, vacuum_system
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared


@pytest.fixture
def molecule(monkeypatch, tmp_path):
    made = prepared(None, (), Preparation())
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path))
    return made


def text(system: openmm.System) -> str:
    return openmm.XmlSerializer.serialize(system)


def test_fresh_and_stored_systems_are_the_one_that_openmm_makes(molecule, monkeypatch):
    made = text(vacuum_system(molecule.topology))
    assert text(stored_vacuum_system(molecule)) == made

    def unread(*ignored):
        raise AssertionError("the force field is read again")

    monkeypatch.setattr(module, "force_field", unread)
    assert text(stored_vacuum_system(molecule)) == made


def test_a_damaged_system_is_made_anew(molecule, tmp_path):
    made = text(stored_vacuum_system(molecule))
    (path,) = (tmp_path / module.KIND).glob(f"*{store.XML}")
    path.write_bytes(path.read_bytes()[:1000])
    assert text(stored_vacuum_system(molecule)) == made
    assert store.load(module.KIND, path.stem, store.XML) == made
