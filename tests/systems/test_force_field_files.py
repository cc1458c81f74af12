"""`system.force_field=FILE.xml`: each term is OpenMM's, and what is not computed or not there is named."""

import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from given_molecules import by_openmm, system_xml, write
from openmm import app, unit
from structure_texts import EMBEDDED, tripeptide

from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.structures import force_field_files
from nnrep.structures.force_field_files import with_parameters
from nnrep.structures.force_field_names import PACKAGED
from nnrep.structures.openmm_names import DATA
from nnrep.structures.simulation import Solvent, solvated
from nnrep.systems.force_fields.registry import FORCE_FIELDS
from nnrep.systems.protein import ProteinConfig, protein_system

FF14SB = str(DATA / "amber14" / "protein.ff14SB.xml")


def config_of(force_field: str, **options: object) -> ProteinConfig:
    return build(ProteinConfig, {"name": "protein", "force_field": force_field, **options})


@pytest.mark.parametrize("name", ["charmm36.xml", "amber19/protein.ff19SB.xml", FF14SB])
def test_energy_and_forces_are_those_of_openmm(name):
    peptide = with_parameters(tripeptide(), name)
    system = protein_system(config_of(name), peptide)
    positions = peptide.positions + 0.01 * np.random.default_rng(0).normal(size=(peptide.n, 3))
    wanted = openmm.XmlSerializer.deserialize(system_xml(tripeptide(), name, removeCMMotion=False))
    expected, forces = by_openmm(wanted, positions)
    x = jnp.asarray(system.from_file_frame(positions))
    energy, gradient = jax.jit(jax.value_and_grad(system.energy))(x)
    assert float(energy) == pytest.approx(sum(expected.values()), rel=1e-10)
    np.testing.assert_allclose(gradient, -forces, atol=1e-9 * abs(forces).max())
    terms = {name: float(value) for name, value in jax.jit(system.energy_terms)(x).items()}
    assert terms["torsions"] == pytest.approx(expected["torsions"], rel=1e-10)
    assert terms.get("cmap", 0.0) == pytest.approx(expected.get("cmap", 0.0), rel=1e-10)


@pytest.mark.parametrize("solvent", ["gbn2", "obc2"])
@pytest.mark.parametrize("name", ["charmm36.xml", FF14SB])
def test_a_solvent_has_the_charges_of_the_files(name, solvent):
    peptide = with_parameters(tripeptide(), name)
    system = protein_system(config_of(name, solvent=solvent), peptide)
    field = app.ForceField(name, f"implicit/{solvent}.xml")
    wanted = field.createSystem(peptide.topology, nonbondedMethod=app.NoCutoff)
    for force in wanted.getForces():
        force.setForceGroup(1 if isinstance(force, openmm.CustomGBForce) else 0)
    reference = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(wanted, openmm.VerletIntegrator(0.001), reference)
    context.setPositions(peptide.positions)
    expected = context.getState(getEnergy=True, groups={1}).getPotentialEnergy()
    x = jnp.asarray(system.from_file_frame(peptide.positions))
    energy = float(jax.jit(system.energy_terms)(x)["solvent"])
    assert energy == pytest.approx(expected.value_in_unit(unit.kilojoule_per_mole), rel=1e-9)


@pytest.mark.parametrize("solvent", ["gbn2", "obc2"])
def test_a_solvent_among_the_files_is_the_same_solvent(solvent):
    """OpenMM's users list it with the force field; the minimiser of OpenMM has it as well."""
    name = f"{FF14SB},implicit/{solvent}.xml"
    peptide = with_parameters(tripeptide(), name)
    among, beside = protein_system(config_of(name), peptide), config_of("amber14", solvent=solvent)
    other = protein_system(beside, tripeptide())
    x = other.positions
    wanted = {name: float(value) for name, value in other.energy_terms(x).items()}
    assert "solvent" in wanted
    assert {name: float(value) for name, value in among.energy_terms(x).items()} == pytest.approx(wanted)
    openmm_system, _ = solvated(peptide, peptide.positions, Solvent.vacuum, constrained=False)
    expected, _ = by_openmm(openmm_system, peptide.positions)
    assert wanted["solvent"] == pytest.approx(expected["solvent"], rel=1e-10)
    assert config_of(name).columns(peptide)["potential"] == f"protein.ff14SB+{solvent}"


def test_a_second_solvent_and_those_that_are_not_computed_are_named():
    name = f"{FF14SB},implicit/gbn2.xml"
    message = r"^system\.solvent: must be vacuum, as the files of .*gbn2\.xml have a solvent, got obc2"
    with pytest.raises(ConfigError, match=message):
        protein_system(config_of(name, solvent="obc2"), with_parameters(tripeptide(), name))
    name = f"{FF14SB},implicit/hct.xml"
    with pytest.raises(ConfigError, match=r"^system\.force_field: its files .*: CustomGBForce that is not "):
        protein_system(config_of(name), with_parameters(tripeptide(), name))


def test_a_solvent_needs_charges():
    peptide = with_parameters(tripeptide(), FF14SB)
    system = openmm.XmlSerializer.deserialize(peptide.system)
    (place,) = (k for k, force in enumerate(system.getForces()) if isinstance(force, openmm.NonbondedForce))
    system.removeForce(place)
    bare = replace(peptide, system=openmm.XmlSerializer.serialize(system))
    with pytest.raises(ConfigError, match=r"^system\.solvent: must be vacuum, .* have no charges"):
        protein_system(config_of(FF14SB, solvent="gbn2"), bare)


def test_the_system_is_made_once(monkeypatch):
    peptide = with_parameters(tripeptide(), FF14SB)
    monkeypatch.setattr(force_field_files, "_system", lambda *_: pytest.fail("made again"))
    assert with_parameters(tripeptide(), FF14SB).system == peptide.system


def test_openmm_minimises_the_same_energy():
    peptide = with_parameters(tripeptide(), "charmm36.xml")
    vacuum, positions = solvated(peptide, peptide.positions, Solvent.vacuum, constrained=False)
    assert openmm.XmlSerializer.serialize(vacuum) == peptide.system
    assert positions is peptide.positions
    held, _ = solvated(peptide, peptide.positions, Solvent.vacuum, constrained=True)
    hydrogens = sum(atom.element.symbol == "H" for atom in peptide.topology.atoms())
    assert held.getNumConstraints() == hydrogens
    with pytest.raises(ConfigError, match=r"^baseline\.solvent: must be vacuum"):
        solvated(peptide, peptide.positions, Solvent.implicit, constrained=False)
    assert config_of("charmm36.xml").not_in_openmm() is None


def test_openmm_does_not_minimise_another_energy_than_the_table_says():
    """The sum that the paper's code has, and its classical energy, are not OpenMM's."""
    ours = {name for name in FORCE_FIELDS if config_of(name).not_in_openmm()}
    assert ours == {"classical", "amber14_uncorrected"}


def test_files_are_known_by_what_they_hold(tmp_path):
    copy = write(tmp_path, "own.xml", (DATA / "amber14" / "protein.ff14SB.xml").read_text())
    one, other = config_of(FF14SB), config_of(copy)
    assert hash_of(one) == hash_of(other)
    assert hash_of(one) != hash_of(config_of("amber14")) != hash_of(config_of("charmm36.xml"))
    assert one.files == other.files == {"force_field.0": next(iter(one.files.values()))}
    assert other.columns(tripeptide())["potential"] == "own"
    assert config_of("amber14").files == {}


def test_what_a_file_includes_counts(tmp_path):
    inner = (DATA / "amber14" / "protein.ff14SB.xml").read_text()
    path = write(tmp_path, "outer.xml", '<ForceField><Include file="inner.xml"/></ForceField>')
    molecules, hashes = [], []
    for text in (inner, inner.replace('charge="0.5973"', 'charge="0.5"')):
        write(tmp_path, "inner.xml", text)
        hashes.append(config_of(path).files["force_field.0"])
        molecules.append(with_parameters(tripeptide(), path).system)
    assert len(set(molecules)) == len(set(hashes)) == 2
    write(tmp_path, "inner.xml", '<ForceField><Include file="outer.xml"/></ForceField>')
    assert config_of(path).files["force_field.0"] not in hashes


@pytest.mark.parametrize("include", ['file="inner.xml"', "comment='of ours' file = 'inner.xml'"])
def test_what_is_included_counts_wherever_openmm_finds_it(tmp_path, monkeypatch, include):
    (tmp_path / "fields").mkdir()
    path = write(tmp_path / "fields", "outer.xml", f"<ForceField><Include {include}/></ForceField>")
    monkeypatch.chdir(tmp_path)  # where OpenMM looks after the folder of the file
    hashes = set()
    for text in ("<ForceField/>", "<ForceField></ForceField>"):
        write(tmp_path, "inner.xml", text)
        hashes.add(config_of(path).files["force_field.0"])
    assert len(hashes) == 2


SCRIPT = "import openmm as mm\nsys.addForce(mm.CustomExternalForce('x'))"
REFUSED = {
    r"force_field: none\.xml: no such \.xml file, and none that OpenMM has": "none.xml",
    r"force_field: nothing: no such": "charmm36.xml,,x.xml",
    r"force_field: must be one of amber14, .*, got charmm36": "charmm36",
    r"cutoff_nm: must be null, as force_field=charmm36\.xml knows none, got 1\.0": "charmm36.xml",
}


@pytest.mark.parametrize("message", REFUSED)
def test_names_of_no_files_are_refused(message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        config_of(REFUSED[message], cutoff_nm=1.0)


def test_other_forces_and_residues_are_named(tmp_path):
    name = f"{FF14SB},{write(tmp_path, 'more.xml', f'<ForceField><Script>{SCRIPT}</Script></ForceField>')}"
    peptide = with_parameters(tripeptide(), name)
    with pytest.raises(ConfigError, match=r"^system\.force_field: its files have forces .*: CustomExternal"):
        protein_system(config_of(name), peptide)
    for text, message in (
        ("<ForceField/>", r"x\.xml gives .* no parameters: No template found for residue"),
        ("nonsense", r"x\.xml: cannot be read as a force field of OpenMM, with the others: "),
    ):
        path = write(tmp_path, "x.xml", text)
        with pytest.raises(ConfigError, match=rf"^system\.force_field: .*{message}"):
            with_parameters(tripeptide(), path)


def test_side_chains_alone_come_from_an_installed_package(tmp_path, monkeypatch):
    package, file = "nnrep_test_package", PACKAGED["amber14_onlysc"][1]
    monkeypatch.setitem(PACKAGED, "amber14_onlysc", (package, file))
    with pytest.raises(ConfigError, match=r"^force_field: must be the path of protein\.ff14SBonlysc\.xml"):
        config_of("amber14_onlysc")
    place = tmp_path / package / file
    place.parent.mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    shutil.copy(FF14SB, place)
    monkeypatch.syspath_prepend(tmp_path)
    config = config_of("amber14_onlysc")
    assert config.files["force_field.0"] == config_of(FF14SB).files["force_field.0"]
    assert config.columns(tripeptide())["potential"] == "amber14_onlysc"
    structure = write(tmp_path, "x.pdb", EMBEDDED)
    molecule = config_of("amber14_onlysc", pdb=structure).molecule([])
    assert molecule.system is not None
    assert molecule.hash == config_of("amber14", pdb=structure).molecule([]).hash
