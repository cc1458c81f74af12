"""Claims of a figure on wall time: what all of them need and are to be read with."""

import re

from nnrep.figures.claim import ON_CPU
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure
from nnrep.figures.needs import ONE_MACHINE

ON_TIME = re.compile(r"\b(time|faster|sooner|longer)\b")


def check_timed_claims(figure: Figure, evidence: Evidence, count: int) -> None:
    """So many claims are on wall time, and these alone have its need and its caveat."""
    claims = figure.claims(evidence)
    timed = [claim for claim in claims if ON_TIME.search(claim.claim)]
    assert len(timed) == count
    for claim in claims:
        assert (ONE_MACHINE in claim.needs) == (ON_CPU in claim.caveats) == (claim in timed), claim.claim
