"""A sentence of the paper, or of ours, what the numbers say of it, and with which settings."""

from enum import Enum
from typing import NamedTuple

import pandas as pd

from nnrep.figures.evidence import Evidence
from nnrep.figures.needs import ONE_MACHINE, Need

CLAIM_COLUMNS = ["of", "claim", "source", "needs", "measured", "verdict", "caveats"]
JOINED_BY = "; "
# A caveat of every claim on wall time, see `on_wall_time`.
ON_CPU = "times are of a CPU, the published ones of a GPU"


class Verdict(Enum):
    """What the numbers say of a claim."""

    holds = "holds"
    fails = "does not hold"
    undecided = "undecided"
    not_tested = "not tested"


class Whose(Enum):
    """Who makes a claim."""

    paper = "paper"
    ours = "ours"


class Claim(NamedTuple):
    """A sentence of the paper, or of ours, and what was measured.

    Attributes:
        claim: what is said.
        source: where.
        measured: the numbers.
        verdict: what follows.
        of: who says so.
        needs: the settings without which the claim is not tested, whatever the numbers are.
        caveats: what is to be known of this verdict, a phrase each.
    """

    claim: str
    source: str
    measured: str
    verdict: Verdict
    of: Whose = Whose.paper
    needs: tuple[Need, ...] = ()
    caveats: tuple[str, ...] = ()


def on_wall_time(claim: Claim) -> Claim:
    """A claim on wall time, with what all of these need and are to be read with."""
    return claim._replace(needs=(*claim.needs, ONE_MACHINE), caveats=(*claim.caveats, ON_CPU))


def as_tested(claim: Claim, evidence: Evidence) -> Claim:
    """The claim, not tested where the runs lack a setting that it needs; the caveats say which."""
    lacking = [text for need in claim.needs if (text := need.lacking(evidence))]
    if not lacking:
        return claim
    scaled = f"not in full: {', '.join(lacking)}"
    return claim._replace(verdict=Verdict.not_tested, caveats=(scaled, *claim.caveats))


def claims_table(claims: list[Claim]) -> pd.DataFrame:
    """Claims as a table of text, those of the paper first."""
    ordered = sorted(claims, key=lambda claim: claim.of is not Whose.paper)
    rows = [
        {
            **claim._asdict(),
            "of": claim.of.value,
            "needs": JOINED_BY.join(need.what for need in claim.needs),
            "verdict": claim.verdict.value,
            "caveats": JOINED_BY.join(claim.caveats),
        }
        for claim in ordered
    ]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def verdict_counts(claims: pd.DataFrame) -> str:
    """How many claims have which verdict: "2 hold, 1 does not, 1 not tested"; nothing without claims."""
    counts = claims["verdict"].value_counts()
    words = {Verdict.holds: ("holds", "hold"), Verdict.fails: ("does not", "do not")}
    return ", ".join(
        f"{count} {words.get(verdict, (verdict.value,) * 2)[count > 1]}"
        for verdict in Verdict
        if (count := int(counts.get(verdict.value, 0)))
    )


def totals(claims: pd.DataFrame) -> str:
    """How many claims of the paper, and how many of ours, have which verdict."""
    parts = []
    for whose, title in ((Whose.paper, "The paper's claims"), (Whose.ours, "Ours")):
        listed = verdict_counts(claims[claims["of"] == whose.value])
        parts += [f"{title}: {listed}."] if listed else []
    return " ".join(parts)
