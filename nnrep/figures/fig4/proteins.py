"""The proteins of the paper's figure 4."""

from nnrep.figures.evidence import Evidence
from nnrep.figures.notes.runs import notes_on_runs
from nnrep.figures.proteins import notes_on_networks

SIX_PROTEINS = ("2JOF", "1UNC", "1PLW", "3GB1", "2WXC", "5AWL")
NEARER_PROTEINS = ("2JOF", "1UNC")  # of which the paper says that GNN ends nearer to the native structure


def notes_of(evidence: Evidence) -> list[str]:
    """What is known of starts and structures."""
    notes = [*notes_on_networks(evidence), *notes_on_runs(evidence)]
    others = [name for name in evidence.runs["structure"].unique() if name not in SIX_PROTEINS]
    if others:
        notes.append(f"Not among the paper's proteins: {', '.join(others)}.")
    return notes
