"""Write what came out of the figures into the pages that quote it, or check that it stands there.

    scripts/results write    # from results/FIG/claims.csv into results/README.md and README.md
    scripts/results check    # exit status 1 if a page is not what would be written

In both pages the part between the two comments of `BEGIN` and `END` is written; all else is left alone.
"""

import sys
from pathlib import Path

import pandas as pd

from nnrep.figures import FIGURES
from nnrep.figures.claim import Whose, counted, totals
from nnrep.figures.claims_file import read_claims
from nnrep.figures.markdown import markdown_table

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- scripts/results writes this -->", "<!-- to here -->"


def claims_of(results: Path) -> pd.DataFrame:
    """The claims of all figures that have some, a row each, with the figure's number."""
    tables = []
    for name in FIGURES:
        path = results / name / "claims.csv"
        if path.exists():
            tables.append(read_claims(path, name).assign(figure=name.removeprefix("fig")))
    return pd.concat(tables, ignore_index=True)


def whole_table(claims: pd.DataFrame) -> str:
    """Totals, then one table, a row a claim: the paper's of all figures, then ours."""
    order = claims["of"].eq(Whose.ours.value).argsort(kind="stable")
    header = ["figure", "of", "claim", "verdict", "measured", "settings", "caveats"]
    rows = [
        [
            f"[{row['figure']}](fig{row['figure']}/REPORT.md)",
            *(row[name] for name in ("of", "claim", "verdict", "measured", "needs", "caveats")),
        ]
        for _, row in claims.iloc[order].iterrows()
    ]
    return f"{totals(claims)}\n\n{markdown_table(header, rows)}"


def short_table(claims: pd.DataFrame) -> str:
    """A row for each figure: what it shows, how many claims of the paper and of ours have which verdict."""
    rows = []
    for figure, own in claims.groupby("figure", sort=False):
        link = f"[{figure}](results/fig{figure}/REPORT.md)"
        shows = FIGURES[f"fig{figure}"].title.partition(": ")[2]
        rows.append([link, shows, *(counted(own[own["of"] == whose.value]) for whose in Whose)])
    header = ["figure", "shows", "claims of the paper", "our claims"]
    return f"{totals(claims)}\n\n{markdown_table(header, rows)}"


def with_part(page: str, part: str) -> str:
    """A page with another part between its comments.

    Raises:
        SystemExit: it does not have both of them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"a page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{after}"


def pages(root: Path) -> dict[Path, str]:
    """What the pages should be."""
    claims = claims_of(root / "results")
    parts = {root / "results" / "README.md": whole_table(claims), root / "README.md": short_table(claims)}
    return {path: with_part(path.read_text(), part) for path, part in parts.items()}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in ("write", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    stale = {path: page for path, page in pages(ROOT).items() if path.read_text() != page}
    if sys.argv[1] == "write":
        for path, page in stale.items():
            path.write_text(page)
        return 0
    for path in stale:
        print(f"{path}: is not of results/FIG/claims.csv; scripts/results write mends it")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
