"""`nnrep.explore` from Python, with the dynamics of the package."""

import numpy as np
import pytest
from given_molecules import gro, top

import nnrep
from nnrep.errors import ConfigError, UserError

LJ6 = -12.712062  # of the octahedron; the other minimum of six particles is at -12.302928
SHORT = {"exchange_every": 50, "quench_every": 100}


@pytest.fixture(scope="module")
def cluster():
    return nnrep.load_system("cluster", n=6)


def test_the_minima_of_a_small_cluster(cluster):
    found = nnrep.explore(
        cluster,
        temperatures_k=(0.2, 0.35),
        **{**SHORT, "quench_every": 500},
        steps=8000,
        seeds=[4],
    )
    assert found.to_frame()["energy"][0] == pytest.approx(LJ6, abs=1e-5)
    assert found.results[0].positions.shape == (1, 6, 3)
    assert found.results[0].energy[0] == found.lowest[0].minimum.energy
    assert repr(found).startswith("<Exploration cluster: ")
    assert found.quenches["seed"].unique().tolist() == [4]
    assert np.isfinite(found.exchange["kinetic_temperature"]).all()


def test_a_mass_matrix_and_fixed_bonds_find_minima_as_well(tmp_path):
    """Each leaves the minima where they are."""
    formamide = molecule(tmp_path)
    usual = {"temperatures_k": [300.0], **SHORT, "steps": 200, "time_step_fs": 2.0}
    energies = [
        nnrep.explore(formamide, **usual, **more).lowest[0].minimum.energy
        for more in ({}, {"fastest_period_fs": 20.0}, {"constraints": "hydrogen_bonds"})
    ]
    assert energies == pytest.approx([energies[0]] * 3, abs=0.01)


def molecule(folder):
    (folder / "x.top").write_text(top())
    (folder / "x.gro").write_text(gro())
    files = {"topology": str(folder / "x.top"), "coordinates": str(folder / "x.gro")}
    return nnrep.load_system("molecule", **files)


def test_a_molecule_of_another_engine(tmp_path):
    found = nnrep.explore(
        molecule(tmp_path),
        temperatures_k=[300.0],
        **SHORT,
        time_step_fs=1.0,
        hydrogen_mass_dalton=None,
        steps=200,
    )
    assert len(found.quenches) == 3
    assert found.native is not None
    assert found.lowest[0].minimum.energy == pytest.approx(found.native.minimum.energy, abs=0.5)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "temperatures_k: must be given for a system without units"),
        (
            {"temperatures_k": [0.1], "outer_every": 2},
            "outer_every: must be 1 for a system without a solvent",
        ),
        ({"temperature": [0.1]}, "temperature: unknown key"),
        (
            {"temperatures_k": [0.1], "monitor": nnrep.Monitor(record_every=20)},
            "monitor.record_every: must be",
        ),
        ({"temperatures_k": [0.1], "most_minima": 10_000, "seeds": 100_000}, "most_minima: "),
    ],
)
def test_bad_arguments_are_named(cluster, options, line):
    with pytest.raises(UserError, match=line):
        nnrep.explore(cluster, **options)


def test_a_sampled_energy_is_refused():
    with pytest.raises(ConfigError, match="not sampled, as a loop's is with repulsion=exact, got loop"):
        nnrep.explore(nnrep.load_system("loop", n=30), temperatures_k=[0.1])
