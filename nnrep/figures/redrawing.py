"""A figure's pictures again from the tables that a folder holds: nothing is run."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from nnrep.errors import UserError
from nnrep.figures.analysis.summary import summarise
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure
from nnrep.figures.report import REPORT
from nnrep.figures.result_files import REPEATS
from nnrep.figures.saving import save_picture
from nnrep.host.cache import write_whole
from nnrep.records.run_folder import RUNS
from nnrep.records.table import read_table
from nnrep.sweep.settings import Experiment
from nnrep.sweep.store import RunStore

MATRICES, POSITIONS = "matrices.npz", "positions_nm"  # where figure 7 keeps the positions of its run


def redraw(folder: Path, figure: Figure, experiment: Experiment) -> None:
    """Draw a figure from its tables, and write the caption that goes with the picture into its report.

    Args:
        folder: of the figure's results.
        figure: whose.
        experiment: its configurations and structures; the runs may be of other settings than these.

    Raises:
        UserError: the folder lacks positions, histories or a structure that the picture needs.
    """
    evidence = evidence_in(folder, experiment)
    try:
        picture = figure.draw(evidence)
    except KeyError as error:
        raise UserError(f"{folder}: the picture needs the structure {error}") from error
    save_picture(picture, folder, figure.name)
    report = folder / REPORT
    if report.exists():
        held = {path.name for path in folder.iterdir()}
        write_whole(report, with_caption(report.read_text(), caption_of(figure, held)).encode())


def evidence_in(folder: Path, experiment: Experiment) -> Evidence:
    """What a folder holds of a figure's runs.

    Raises:
        UserError: a table cannot be read.
    """
    runs = read_table(folder / RUNS)
    repeats = read_table(folder / REPEATS) if (folder / REPEATS).exists() else runs.iloc[:0]
    store = RunStore(folder, [str(run) for run in pd.concat([runs, repeats])["run_id"]])

    def positions(run: str) -> np.ndarray:
        if (folder / MATRICES).exists():
            with np.load(folder / MATRICES) as held:
                return held[POSITIONS]
        return store.positions(run)

    return Evidence(
        runs=runs,
        summary=summarise(runs),
        repeats=repeats,
        positions=positions,
        histories=store.history,
        molecules=experiment.molecules,
        missing=experiment.missing,
        configs=[setting.config for setting in experiment.settings],
    )


def caption_of(figure: Figure, held: set[str]) -> str:
    """The caption of a figure, without the sentences that name tables that its folder does not have."""
    sentences = re.split(r"(?<=\.) ", figure.caption)
    named = {sentence: set(re.findall(r"`([^`]+)`", sentence)) for sentence in sentences}
    return " ".join(sentence for sentence in sentences if named[sentence] <= held)


def with_caption(report: str, caption: str) -> str:
    """A report with a caption as the paragraph below its picture."""
    paragraphs = report.split("\n\n")
    places = [place for place, text in enumerate(paragraphs) if text.startswith("![")]
    if places:
        paragraphs[places[0] + 1] = caption
    return "\n\n".join(paragraphs)
