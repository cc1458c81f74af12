"""Molecules with the parameters of other engines: terms are OpenMM's, and what is not computed is named."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import given_molecules as given
import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from given_molecules import by_openmm, write
from openmm import app
from structure_texts import tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.errors import ConfigError
from nnrep.minimization.optimizers.registry import OPTIMIZERS
from nnrep.modes.settings import ModesConfig
from nnrep.modes.slow import ModesOf
from nnrep.reparam.build import built_map
from nnrep.reparam.registry import MAPS
from nnrep.structures.engines.gromacs import UNREAD
from nnrep.structures.force_field import stored_vacuum_system
from nnrep.systems.force_fields.openmm_forces import UnknownForcesError, energy_of_system
from nnrep.systems.molecule import MoleculeConfig, groups_of


def texts_of(engine: str) -> dict[str, dict[str, str]]:
    """Settings of a molecule, each with the name and text of its file."""
    pdb, positions = {"x.pdb": given.pdb()}, {"coordinates": {"x.pdb": given.pdb()}}
    cases = {
        "amber": {"topology": {"x.prmtop": given.prmtop()}, "coordinates": {"x.inpcrd": given.inpcrd()}},
        "amber, a pair of its own": {"topology": {"x.parm7": given.prmtop(own_pair=0.5)}, **positions},
        "gromacs": {"topology": {"x.top": given.top()}, "coordinates": {"x.gro": given.gro()}},
        "gromacs, geometric means": {"topology": {"x.top": given.top(rule=3)}, **positions},
        "gromacs, powers": {"topology": {"x.top": given.top(rule=1)}, **positions},
        "gromacs, a pair of its own": {"topology": {"x.top": given.top(own_pair=True)}, **positions},
        "charmm": {"topology": {"x.psf": given.psf()}, **positions, "parameters": {"x.prm": given.prm()}},
        "charmm, a pair of its own": {
            "topology": {"x.psf": given.psf()},
            "coordinates": pdb,
            "parameters": {"x.prm": given.prm(own_pair=True)},
        },
    }
    return cases[engine] if engine in cases else _of_openmm(*OPENMM[engine])


OPENMM: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "openmm, ff14SB": (("amber14-all.xml",), {}),
    "openmm, ff19SB": (("amber19/protein.ff19SB.xml",), {}),
    "openmm, CHARMM36": (("charmm36.xml",), {}),
    "openmm, GBn2": (("amber14-all.xml", "implicit/gbn2.xml"), {"implicitSolventKappa": 0.7}),
    "openmm, GBn": (("amber14-all.xml", "implicit/gbn.xml"), {"solventDielectric": 40.0}),
    "openmm, OBC1": (("amber14-all.xml", "implicit/obc1.xml"), {"sasaMethod": None}),
    "openmm, OBC2": (("charmm36.xml", "implicit/obc2.xml"), {"soluteDielectric": 2.0}),
    "openmm, GBSAOBCForce": (("amber99sb.xml", "amber99_obc.xml"), {"solventDielectric": 60.0}),
}


def _of_openmm(files: tuple[str, ...], options: dict[str, object]) -> dict[str, dict[str, str]]:
    peptide = tripeptide()
    return {
        "topology": {"system.xml": given.system_xml(peptide, *files, **options)},
        "coordinates": {"x.pdb": peptide.pdb},
    }


ENGINES = [
    "amber",
    "amber, a pair of its own",
    "gromacs",
    "gromacs, geometric means",
    "gromacs, powers",
    "gromacs, a pair of its own",
    "charmm",
    "charmm, a pair of its own",
    *OPENMM,
]


def config_of(folder: Path, texts: dict[str, dict[str, str]], **options: object) -> MoleculeConfig:
    paths = {key: [write(folder, name, text) for name, text in files.items()] for key, files in texts.items()}
    named = {key: each if key == "parameters" else each[0] for key, each in paths.items()}
    return build(MoleculeConfig, {"name": "molecule", **named, **options})


@cache
def loaded(engine: str):
    """The molecule of an engine, and its system."""
    with TemporaryDirectory() as folder:
        config = config_of(Path(folder), texts_of(engine))
        molecule = config.molecule([])
        return molecule, config.build(molecule)


EXPECTED = {
    "gromacs": {"bonds", "angles", "torsions", "impropers", "lennard_jones", "coulomb"},
    "charmm": {"bonds", "angles", "torsions", "impropers", "lennard_jones", "coulomb"},
    "openmm, CHARMM36": {"bonds", "angles", "torsions", "impropers", "cmap", "lennard_jones", "coulomb"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_term_and_all_forces_are_those_of_openmm(engine):
    molecule, system = loaded(engine)
    assert set(system.energy_terms(system.positions)) == EXPECTED.get(
        engine, set(system.energy_terms(system.positions))
    )
    noise = 0.01 * np.random.default_rng(0).normal(size=(2, molecule.n, 3))
    terms_of, gradient_of = jax.jit(system.energy_terms), jax.jit(jax.value_and_grad(system.energy))
    for positions in molecule.positions + np.concatenate([0 * noise[:1], noise]):
        expected, forces = by_openmm(stored_vacuum_system(molecule), positions)
        x = jnp.asarray(system.from_file_frame(positions))
        terms = {name: float(value) for name, value in terms_of(x).items()}
        terms["pairs"] = terms.pop("lennard_jones") + terms.pop("coulomb")
        for name in expected.keys() | terms.keys():
            assert terms.get(name, 0.0) == pytest.approx(expected.get(name, 0.0), rel=1e-9, abs=1e-9), name
        energy, gradient = gradient_of(x)
        assert float(energy) == pytest.approx(sum(expected.values()), rel=1e-9)
        np.testing.assert_allclose(gradient, -forces, rtol=1e-8, atol=1e-8 * abs(forces).max())


def test_the_same_numbers_are_read_from_the_files_of_all_engines():
    """Angles, which all have alike, in the units of each."""
    x = loaded("amber")[1].positions
    amber, gromacs, charmm = (loaded(name)[1].energy_terms(x) for name in ("amber", "gromacs", "charmm"))
    for other in (gromacs, charmm):
        assert float(other["angles"]) == pytest.approx(float(amber["angles"]), rel=1e-4)


def test_the_molecule_is_what_the_files_say():
    molecule, system = loaded("amber")
    np.testing.assert_allclose(molecule.positions, given.POSITIONS, atol=1e-7)
    assert (molecule.name, molecule.source, molecule.residues) == ("x", "x.prmtop, x.inpcrd", 1)
    assert len(system.edges) == len(given.BONDS)
    np.testing.assert_allclose(system.masses, given.MASSES)
    assert set(system.measure(system.positions)) == {"rmsd_heavy", "rmsd_all"}
    assert system.node_features.shape == (6, 4 + 3)
    peptide, of_peptide = loaded("openmm, CHARMM36")
    assert set(of_peptide.measure(of_peptide.positions)) == {
        "rmsd_ca",
        "rmsd_backbone",
        "rmsd_heavy",
        "rmsd_all",
    }
    assert len(of_peptide.edges) == len(list(peptide.topology.bonds()))
    assert len(of_peptide.edges) == peptide.n  # it has one ring; Urey-Bradley terms are no bonds


def test_backbones_of_nucleic_acids_have_an_rmsd():
    topology = app.Topology()
    residue = topology.addResidue("DA", topology.addChain())
    names = ("P", "O5*", "C5*", "C4*", "C3*", "O3*", "N9")
    for name in names:
        topology.addAtom(name, app.Element.getBySymbol(name[0]), residue)
    groups = groups_of(topology)
    assert "ca" not in groups
    np.testing.assert_array_equal(groups["backbone"], np.arange(6))


@pytest.mark.parametrize("name", [name for name in MAPS if not MAPS[name].needs_contacts])
def test_every_map_lowers_the_energy(name):
    molecule, _ = loaded("charmm")
    with TemporaryDirectory() as folder:
        config = config_of(Path(folder), texts_of("charmm"), start="perturbed", perturbation=0.05)
        system = config.build(molecule, padded=True)
    settings = build(MAPS[name], {"name": name})
    made = built_map(system, settings, ModesConfig(of=ModesOf.graph), 4, {"threads": 1}).reparam
    result = nnrep.minimize(system, made, optimizer=nnrep.adam(1e-3), max_steps=60)
    assert np.isfinite(result.energy).all()
    assert result.energy[0] < result.energy_start[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_lowers_the_energy(name):
    _, system = loaded("gromacs")
    optimizer = build(OPTIMIZERS[name], {"name": name, "clamp": None}).build(1e-7 if name == "sgd" else 1e-3)
    result = nnrep.minimize(system, optimizer=optimizer, max_steps=40)
    assert result.energy[0] < result.energy_start[0]


def test_a_start_may_be_another_file(tmp_path):
    moved = given.POSITIONS @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]) + 1
    moved[5] += 0.01
    start = write(tmp_path, "end.pdb", given.pdb(moved))
    config = config_of(tmp_path, texts_of("amber"), start=start)
    molecule = config.molecule([])
    system = config.build(molecule)
    wanted = moved - moved.mean(axis=0)
    np.testing.assert_allclose(system.positions, wanted, atol=1e-4)
    assert float(system.measure(system.positions)["rmsd_all"]) > 0.03
    assert config.start_name == "end"


def test_positions_in_another_order_are_refused_by_names(tmp_path):
    lines = given.gro().splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    texts = texts_of("gromacs") | {"coordinates": {"x.gro": "".join(lines)}}
    reason = r"^system\.coordinates: .*x\.gro: must have the atoms of x\.top in its order, has C where"
    with pytest.raises(ConfigError, match=reason):
        config_of(tmp_path, texts).molecule([])


@pytest.mark.parametrize("periodicity", ["0", "-2"])
def test_torsions_that_openmm_refuses_are_refused(tmp_path, periodicity):
    usual = f"9 {given.PHASE} {given.BARRIER} {given.PERIOD}"
    other = given.top().replace(usual, f"9 {given.PHASE} {given.BARRIER} {periodicity}")
    texts = texts_of("gromacs") | {"topology": {"x.top": other}}
    with pytest.raises(ConfigError, match=r"^system\.topology: .*periodicity"):
        config_of(tmp_path, texts).molecule([])


@pytest.mark.parametrize("section", sorted(UNREAD))
def test_sections_that_the_reader_leaves_out_are_refused(tmp_path, section):
    """Unless the file leaves them out itself, as GROMACS does with POSRES."""
    for begin, end in (("", ""), ("#ifdef POSRES\n", "#endif\n")):
        more = f"{begin}[ {section} ]\n1 1 1000 1000 1000\n{end}[ system ]"
        texts = texts_of("gromacs") | {"topology": {"x.top": given.top().replace("[ system ]", more)}}
        config = config_of(tmp_path, texts)
        if begin:
            config.molecule([])
            continue
        with pytest.raises(
            ConfigError, match=rf"^system\.topology: .*x\.top: .*\[ {section} \] is not computed"
        ):
            config.molecule([])


def test_boxes_are_refused_or_dropped(tmp_path):
    whole, _ = loaded("amber")
    texts = {"topology": {"x.prmtop": given.prmtop(box=1)}, "coordinates": {"x.pdb": given.pdb()}}
    with pytest.raises(ConfigError, match=r"^system\.box: must be drop, as x\.prmtop has a periodic box"):
        config_of(tmp_path, texts).molecule([])
    assert config_of(tmp_path, texts, box="drop").molecule([]).topology.getNumAtoms() == whole.n
    texts = {"topology": {"x.top": given.top()}, "coordinates": {"x.gro": given.gro(box=3.0)}}
    with pytest.raises(ConfigError, match=r"^system\.box: must be drop, as x\.gro has a periodic box"):
        config_of(tmp_path, texts).molecule([])


def test_a_periodic_system_without_its_box_has_all_pairs(tmp_path):
    topology = app.PDBFile(write(tmp_path, "x.pdb", given.pdb())).topology
    system = openmm.System()
    forces = openmm.HarmonicBondForce(), openmm.NonbondedForce()
    for mass, charge in zip(given.MASSES, given.CHARGES, strict=True):
        system.addParticle(mass)
        forces[1].addParticle(charge, 0.3, 0.4)
    for (i, j), (length, stiffness) in given.BONDS.items():
        forces[0].addBond(i, j, length, stiffness)
    forces[1].createExceptionsFromBonds(list(given.BONDS), 0.5, 0.5)
    forces[1].setNonbondedMethod(openmm.NonbondedForce.PME)
    for force in (*forces, openmm.CMMotionRemover(), openmm.MonteCarloBarostat(1, 300)):
        system.addForce(force)
    texts = {
        "topology": {"system.xml": openmm.XmlSerializer.serialize(system)},
        "coordinates": {"x.pdb": given.pdb()},
    }
    with pytest.raises(ConfigError, match=r"^system\.box: must be drop, as system\.xml has a periodic box"):
        config_of(tmp_path, texts).molecule([])
    config = config_of(tmp_path, texts, box="drop")
    molecule = config.molecule([])
    assert len(list(molecule.topology.bonds())) == len(given.BONDS) == len(list(topology.bonds())) + 5
    expected, _ = by_openmm(stored_vacuum_system(molecule), molecule.positions)
    system = config.build(molecule)
    assert float(system.energy(system.positions)) == pytest.approx(sum(expected.values()), rel=1e-9)


def test_constraints_are_refused_or_released(tmp_path):
    texts = {"topology": {"x.top": given.top(settles=True)}, "coordinates": {"x.pdb": given.pdb()}}
    with pytest.raises(
        ConfigError, match=r"^system\.constraints: must be release, as .*x\.top holds 1 distances"
    ):
        config_of(tmp_path, texts).molecule([])
    config = config_of(tmp_path, texts, constraints="release", constraint_stiffness=2e4)
    released, plain = config.build(config.molecule([])), loaded("gromacs")[1]
    length = np.linalg.norm(given.POSITIONS[4] - given.POSITIONS[5])
    more = released.energy_terms(released.positions)["bonds"] - plain.energy_terms(plain.positions)["bonds"]
    assert float(more) == pytest.approx(0.5 * 2e4 * (length - 0.17) ** 2, rel=1e-2)
    peptide = tripeptide()
    held = {
        "topology": {
            "system.xml": given.system_xml(peptide, constraints=app.HBonds, flexibleConstraints=True)
        },
        "coordinates": {"x.pdb": peptide.pdb},
    }
    config = config_of(tmp_path, held, constraints="release")
    bonds = config.build(config.molecule([])).energy_terms
    free = loaded("openmm, ff14SB")[1]
    assert float(bonds(free.positions)["bonds"]) == pytest.approx(
        float(free.energy_terms(free.positions)["bonds"])
    )


def edited(edit) -> dict[str, dict[str, str]]:
    """Formamide of AMBER as an OpenMM system that is edited."""
    molecule, _ = loaded("amber")
    system = stored_vacuum_system(molecule)
    edit(system)
    text = openmm.XmlSerializer.serialize(system)
    return {"topology": {"system.xml": text}, "coordinates": {"x.pdb": given.pdb()}}


def _virtual(system):
    system.setParticleMass(3, 0)
    system.setVirtualSite(3, openmm.TwoParticleAverageSite(0, 1, 0.5, 0.5))


def _cut(system):
    (pairs,) = (force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    pairs.setNonbondedMethod(openmm.NonbondedForce.CutoffNonPeriodic)


def _solvent(system) -> openmm.GBSAOBCForce:
    force = openmm.GBSAOBCForce()
    for charge in given.CHARGES:
        force.addParticle(charge, 0.15, 0.8)
    system.addForce(force)
    return force


def _cut_solvent(system):
    _solvent(system).setNonbondedMethod(openmm.GBSAOBCForce.CutoffNonPeriodic)


def _far_bond(system):
    (bonds,) = (force for force in system.getForces() if isinstance(force, openmm.HarmonicBondForce))
    bonds.addBond(0, 99, 0.1, 1.0)


def _far_pair(system):
    (pairs,) = (force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    pairs.addException(0, 99, 0.1, 1.0, 0.0)


def _quartic(system):
    force = openmm.CustomBondForce("k*r^4")
    force.addPerBondParameter("k")
    force.addBond(0, 1, [1.0])
    system.addForce(force)


def _in_degrees(system):
    force = openmm.CustomTorsionForce(
        "k*min(dtheta, 2*pi-dtheta)^2; dtheta = abs(theta-theta0); pi = 3.14159265"
    )
    force.addPerTorsionParameter("k")
    force.addPerTorsionParameter("theta0")
    force.addTorsion(1, 0, 3, 2, [40.0, 168.5])
    system.addForce(force)


REFUSED = {
    r"system\.topology: .*: CustomTorsionForce .* at angles theta0 that it does not reach": _in_degrees,
    r"system\.topology: .*system\.xml: atom 4 \(HA of MOL 1\) is a virtual site": _virtual,
    r"system\.topology: .*system\.xml: atom 4 \(HA of MOL 1\) has no mass": lambda s: s.setParticleMass(3, 0),
    r"system\.topology: .*xml: has forces that are not computed here: CustomBondForce k\*r\^4": _quartic,
    r"system\.topology: .*: has forces that are not computed here: NonbondedForce with a cutoff": _cut,
    r"system\.topology: .*: has forces that .*: GBSAOBCForce with a cutoff$": _cut_solvent,
    r"system\.topology: .*: has forces that .*: a second solvent$": lambda s: (_solvent(s), _solvent(s)),
    r"system\.topology: .*xml: cannot be read as OpenMM's system: NonbondedForce: .* index": _far_pair,
    r"system\.topology: .*xml: cannot be read as OpenMM's system: HarmonicBondForce: .* index": _far_bond,
    r"system\.topology: .*system\.xml: has 7 particles, .*x\.pdb has 6 atoms": lambda s: s.addParticle(1),
}


@pytest.mark.parametrize("n", [2000, 2001])
def test_listed_pairs_are_added_or_refused_whatever_the_size(n):
    """Beyond 2000 atoms pairs have no table that they could be added to."""
    system, force = openmm.System(), openmm.CustomBondForce("-C/r^6+A/r^12")
    for name in "AC":
        force.addPerBondParameter(name)
    for _ in range(n):
        system.addParticle(1.0)
    force.addBond(0, 1, [1e-6, 1e-3])
    system.addForce(force)
    if n > 2000:
        with pytest.raises(
            UnknownForcesError, match=r"CustomBondForce -C/r\^6\+A/r\^12 of more than 2000 atoms"
        ):
            energy_of_system(system)
        return
    energy, places = energy_of_system(system), np.zeros((n, 3))
    places[:, 0] = np.arange(n)
    places[1, 0] = 0.3
    wanted = 1e-6 / 0.3**12 - 1e-3 / 0.3**6
    assert float(energy.of_positions()(jnp.asarray(places))) == pytest.approx(wanted)


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_computed_is_named(message, tmp_path):
    config = config_of(tmp_path, edited(REFUSED[message]))
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        config.build(config.molecule([]))
    assert "\n" not in str(caught.value)


AMBER = texts_of("amber")
FAULTS = {
    r"topology: must be the topology that another engine has written, got null": {"topology": None},
    r"topology: must be a topology: \.prmtop or \.parm7 \(AMBER\), .*got .*x\.pdb": {
        "topology": {"x.pdb": ""}
    },
    r"coordinates: must be positions in a file \(\.pdb, .*, got None": {"coordinates": None},
    r"coordinates: .*none\.pdb: no such file": {"coordinates": "none.pdb"},
    r"parameters: must be \[\], as .*x\.prmtop has its own": {"parameters": {"x.prm": ""}},
    r"parameters: must be the files of its parameters, got \[\]": {"topology": {"x.psf": given.psf()}},
    r"system\.topology: .*x\.prmtop: cannot be read as AMBER: ": {"topology": {"x.prmtop": "nonsense"}},
    r"system\.coordinates: .*x\.inpcrd: cannot be read as positions in a \.inpcrd file: ": {
        "coordinates": {"x.inpcrd": "title\n  many\n"}
    },
    r"system\.coordinates: .*x\.pdb: must have the 6 atoms of x\.prmtop, has 5": {
        "coordinates": {"x.pdb": given.pdb().replace("HETATM    6", "REMARK    6")}
    },
    r"system\.coordinates: .*must have the atoms of x\.prmtop in its order, has N where x\.prmtop has O": {
        "coordinates": {"x.pdb": given.pdb().replace("           O\n", "           N\n", 1)}
    },
    r"system\.coordinates: .*atom 1 \(O of MOL 1\) and atom 2 \(C of MOL 1\) are on top of each other": {
        "coordinates": {"x.pdb": given.pdb(np.vstack([given.POSITIONS[1:2] + 0.001, given.POSITIONS[1:]]))}
    },
    r"start: must be one of native, perturbed, random, or positions in a file": {"start": "unfolded"},
    r"system\.start: .*y\.pdb: atom 1 \(O of MOL 1\) and atom 2 .* are on top of each other": {
        "start": {"y.pdb": given.pdb(np.vstack([given.POSITIONS[1:2] + 0.001, given.POSITIONS[1:]]))}
    },
    r"system\.coordinates: .*x\.pdb: cannot be read as .*: it is empty, cut short, or of another kind": {
        "coordinates": {"x.pdb": "END\n"}
    },
    r"system\.topology: .*x\.top: cannot be read as .*: it is empty, cut short, or of another kind": {
        "topology": {"x.top": ""}
    },
    r"parameters: must be a list, in brackets": {"parameters": "x.prm"},
    r"constraint_stiffness: must be positive": {"constraint_stiffness": 0.0},
    r"perturbation: must be zero or positive": {"perturbation": -1.0},
}


@pytest.mark.parametrize("message", FAULTS)
def test_faults_are_one_line_that_names_key_and_file(message, tmp_path):
    texts, options = dict(AMBER), {}
    for key, value in FAULTS[message].items():
        texts.pop(key, None)
        (texts if isinstance(value, dict) else options)[key] = value
    if "parameters" not in texts and "topology" in texts and "x.psf" in texts["topology"]:
        texts["coordinates"] = {"x.pdb": given.pdb()}
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        config_of(tmp_path, texts, **options).molecule([])
    assert "\n" not in str(caught.value)


def test_virtual_sites_are_named_where_they_overlap(tmp_path):
    """As in water of four points."""
    near = given.POSITIONS.copy()
    near[3] = near[1] + 0.01
    texts = edited(_virtual) | {"coordinates": {"x.pdb": given.pdb(near)}}
    with pytest.raises(ConfigError, match=r"^system\.topology: .*\(HA of MOL 1\) is a virtual site"):
        config_of(tmp_path, texts).molecule([])


def test_a_system_may_lack_pairs(tmp_path):
    def bonds_alone(system):
        for index in reversed(range(system.getNumForces())):
            if not isinstance(system.getForce(index), openmm.HarmonicBondForce):
                system.removeForce(index)

    config = config_of(tmp_path, edited(bonds_alone))
    system = config.build(config.molecule([]))
    bonds = loaded("amber")[1].energy_terms(system.positions)["bonds"]
    assert float(system.energy(system.positions)) == pytest.approx(float(bonds), rel=1e-9)
    assert system.node_features.shape == (6, 4)


def test_missing_parameters_are_named(tmp_path):
    texts = texts_of("charmm") | {"parameters": {"x.prm": given.prm().replace("NX HN", "NX NX")}}
    with pytest.raises(
        ConfigError, match=r"^system\.topology: .*x\.psf: cannot be read as CHARMM: Missing bond"
    ):
        config_of(tmp_path, texts).molecule([])
    texts = {"topology": {"x.top": '#include "none.itp"\n'}, "coordinates": {"x.pdb": given.pdb()}}
    with pytest.raises(
        ConfigError, match=r"^system\.topology: .*x\.top: cannot be read as GROMACS: .*none\.itp"
    ):
        config_of(tmp_path, texts).molecule([])


def test_the_hash_is_that_of_what_the_files_hold(tmp_path):
    from nnrep.choices.identity import hash_of

    (tmp_path / "elsewhere").mkdir()
    here, there = (config_of(folder, AMBER) for folder in (tmp_path, tmp_path / "elsewhere"))
    assert hash_of(here) == hash_of(there)
    other = AMBER | {"topology": {"x.prmtop": given.prmtop(own_pair=0.9)}}
    assert hash_of(config_of(tmp_path / "elsewhere", other)) != hash_of(here)
    assert set(here.files) == {"topology", "coordinates"}
