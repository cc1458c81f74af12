"""What is to be known of OpenMM's dynamics in figure 6."""

from nnrep.figures.analysis.labels import DYNAMICS
from nnrep.figures.evidence import Evidence
from nnrep.figures.notes.runs import notes_on_runs
from nnrep.figures.proteins import notes_on_networks


def notes_of(evidence: Evidence) -> list[str]:
    """What is to be known of dynamics, and of starts and structures."""
    notes = [*notes_on_networks(evidence), *notes_on_runs(evidence)]
    if (evidence.runs["baseline"] == DYNAMICS).any():
        notes.append(
            "OpenMM's dynamics is at 298 K: its potential energy has kT/2 for every vibration, and is not to "
            "be compared with a minimum."
        )
    return notes
