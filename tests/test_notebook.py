"""The notebook of the manual runs, and its stored outputs are those of its cells."""

import re

import nbformat
import numpy as np
import pytest
from checkout import ROOT
from nbclient import NotebookClient

PATH = ROOT / "docs" / "first-steps.ipynb"
MOST_BYTES = 100_000


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    """What a cell leaves: the words of each line of text, or pictures. Numbers depend on the machine."""
    return [
        (
            output.output_type,
            [re.findall("[A-Za-z]{2,}", line) for line in output.get("text", "").split("\n")],
            sorted(output.get("data", {})),
        )
        for output in cell.outputs
    ]


@pytest.fixture
def stored():
    return nbformat.read(PATH, as_version=4)


def test_outputs_are_stored_and_short(stored):
    nbformat.validate(stored)
    assert PATH.stat().st_size <= MOST_BYTES
    assert [cell.execution_count for cell in code_cells(stored)] == list(
        range(1, len(code_cells(stored)) + 1)
    )
    assert sum(len(cell.outputs) > 0 for cell in code_cells(stored)) >= 6


@pytest.mark.slow
def test_every_cell_runs_and_leaves_what_is_stored(stored, tmp_path):
    fresh = nbformat.read(PATH, as_version=4)
    # A cell that fails raises.
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(fresh, timeout=600, kernel_name="python3", resources=place).execute()
    for old, new in zip(code_cells(stored), code_cells(fresh), strict=True):
        assert kinds(new) == kinds(old), old.source
    shares = [cell.outputs[0].text for cell in code_cells(fresh) if "share of the bound" in cell.source]
    plain, smooth = (np.fromstring(text.split("[")[1].split("]")[0], sep=" ") for text in shares)
    assert (smooth > 0.97).all()
    assert smooth.min() > plain.max()
