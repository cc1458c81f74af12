"""Tables and pictures of a search."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from walks import options, search_of_wells

from nnrep import Stage, Stopping, lbfgs
from nnrep.exploration.finish import Finish
from nnrep.exploration.outcome import explored
from nnrep.exploration.search import Ended, searched
from nnrep.records.exploration.closing import shown_minima, summary_line
from nnrep.records.exploration.folder import ExplorationFolder
from nnrep.records.exploration.pictures import funnel_picture, measured, search_picture
from nnrep.records.exploration.running_minimum import lowest_so_far
from nnrep.records.exploration.tables import minima_table, summary_table
from nnrep.reparam import identity

NO_UNITS = ("", "")


def never():
    return False


@pytest.fixture(scope="module")
def outcome():
    search, explorer = search_of_wells(options(steps=100))
    ended = searched(search, explorer, never, lambda seen: None)
    finish = Finish([Stage("fine", identity(), lbfgs(0.1), Stopping(rms_force=1e-9), 500)], 500)
    return explorer.system, explored(search, explorer.system, finish, ended, never)


def test_the_lowest_so_far_has_the_shape_of_that_minimum():
    quenches = pd.DataFrame({"energy": [3.0, np.nan, 1.0, 2.0, 0.5], "rmsd_ca": [1.0, 2.0, 3.0, 4.0, 5.0]})
    lowest = lowest_so_far(quenches)
    assert lowest["energy"].tolist() == [3.0, 3.0, 1.0, 1.0, 0.5]
    assert lowest["rmsd_ca"].tolist() == [1.0, 1.0, 3.0, 3.0, 5.0]
    lowest = lowest_so_far(quenches.assign(energy=[np.nan, 2.0, 2.0, 3.0, 2.0]).set_axis([7, 3, 3, 1, 0]))
    np.testing.assert_array_equal(lowest["rmsd_ca"], [np.nan, 2.0, 2.0, 2.0, 2.0])  # of equal ones the first
    assert lowest.index.tolist() == [7, 3, 3, 1, 0]
    assert lowest_so_far(quenches[:0]).empty


def test_tables_say_what_the_search_has_found(outcome):
    system, found = outcome
    minima = minima_table(system, found, with_terms=2)
    summary = summary_table(system, found, {"system": "wells"}, "hash").iloc[0]
    assert summary["energy"] == minima["energy"][0] == found.lowest[0].minimum.energy
    assert (summary["ended"], summary["quenches"], summary["minima"]) == ("steps", 21, 2)
    assert summary["evaluations_quenches"] == found.quenches["evaluations"].sum()
    assert summary["steps"] == 200
    assert "native_energy" not in summary
    line = summary_line(summary, NO_UNITS)
    assert line.startswith("2 minima of 21 quenches in ")
    assert "native" not in line
    columns = {column.title: column.cells for column in shown_minima(minima, NO_UNITS)}
    assert columns["rank"] == ["1", "2"]
    assert columns["energy"][0] == f"{minima['energy'][0]:.6f}"
    cold = shown_minima(minima.assign(temperature=5e-5), NO_UNITS)
    assert {column.title: column.cells for column in cold}["met at"][0] == "5e-05"
    assert "RMSD CA" not in columns


def test_a_search_that_has_but_its_start_has_every_file(tmp_path):
    search, explorer = search_of_wells(options(steps=100))
    ended = searched(search, explorer, lambda: search.quenches > 0, lambda seen: None)
    found = explored(search, explorer.system, Finish([], 0), ended, never)
    minima = minima_table(explorer.system, found, with_terms=2)
    summary = summary_table(explorer.system, found, {"system": "wells"}, "hash")
    ExplorationFolder(tmp_path).write_search(explorer.system, found, minima, summary, 2, pictures=True)
    assert (summary["ended"][0], summary["quenches"][0], len(minima)) == (Ended.interrupted.value, 1, 1)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {
        "quenches.csv",
        "exchange.csv",
        "minima.csv",
        "exploration.csv",
        "funnel.png",
        "search.png",
    }


def test_pictures_have_every_quench(outcome):
    _, found = outcome
    axes = funnel_picture(found).axes[0]
    dots = axes.lines[0]
    np.testing.assert_array_equal(dots.get_ydata(), found.quenches["energy"])
    assert axes.get_xlabel() == "radius of gyration"
    assert measured(found.quenches) == "radius_of_gyration"
    upper = search_picture(found).axes[0]
    assert len(upper.collections[0].get_offsets()) == len(found.quenches)
    falling = upper.lines[0].get_ydata()
    assert (np.diff(falling) <= 0).all()
    low, high = axes.get_ylim()
    assert low < found.lowest[0].minimum.energy < high


def with_energies(found, energies, native=None):
    quenches = pd.DataFrame({"energy": energies, "radius_of_gyration": 1.0, "step": 0, "temperature": 1.0})
    lowest = found.lowest[0]
    at = lowest._replace(minimum=lowest.minimum._replace(energy=min(energies), result=None))
    other = None if native is None else lowest._replace(minimum=lowest.minimum._replace(energy=native))
    return replace(found, quenches=quenches, lowest=(at,), native=other)


@pytest.mark.parametrize(
    ("energies", "native", "shown", "hidden"),
    [
        ([-139.26, -139.26, -139.25, -137.24], None, -137.24, None),  # most are in the lowest
        ([*[-10.0] * 10, *[-5.0] * 7], None, -5.0, None),
        ([*np.linspace(-10, -5, 19), 1e6], None, -5.0, 1e6),  # a start that is far above
        ([-10.0, -9.9, -9.8], -3.0, -3.0, None),
        ([-10.0] * 5, None, -10.0, None),
    ],
)
def test_energies_are_shown_but_for_a_few_far_above(outcome, energies, native, shown, hidden):
    low, high = funnel_picture(with_energies(outcome[1], energies, native)).axes[0].get_ylim()
    assert low < min(energies)
    assert high > shown
    assert hidden is None or high < hidden


def test_of_a_small_peptide_heavy_atoms_are_drawn():
    names = ["energy", "rmsd_backbone", "rmsd_heavy", "radius_of_gyration"]
    assert measured(pd.DataFrame(columns=names)) == "rmsd_heavy"
    assert measured(pd.DataFrame(columns=["rmsd_ca", *names])) == "rmsd_ca"
