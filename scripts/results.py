"""Write what came out of the figures into the pages that quote it, check that it stands there, draw it again.

    scripts/results write       # from results/*/claims.csv into results/README.md and README.md
    scripts/results check       # exit status 1 if a page is not what would be written
    scripts/results pictures [FIG ...] [KEY=VALUE ...]    # FIG.png and FIG.pdf again, from the tables

In both pages the part between the two comments of `BEGIN` and `END` is written; all else is left alone.
README.md has the figures alone.
Pictures are drawn where the folder has all that they need, which is said otherwise; nothing is run. Keys are
those of `nnrep run`: paths.structures=[pdb] says where structures are.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.figures import FIGURES
from nnrep.figures.claim import Verdict, Whose, totals, verdict_counts
from nnrep.figures.claims_file import read_claims
from nnrep.figures.markdown import markdown_table
from nnrep.figures.redrawing import redraw
from nnrep.records.run_folder import RUNS
from nnrep.sweep.settings import experiment_settings

ROOT = Path(__file__).resolve().parent.parent
FIGURE = "fig"  # what the names of figures' folders begin with
FOLDING = "folding"  # the folder of scripts/bench_folding
# Figures whose settings have changed since their tables were made: their runs are made again.
AGAIN = ("fig3",)
NOT_TESTED = Verdict.not_tested.value
BEGIN, END = "<!-- scripts/results writes this -->", "<!-- to here -->"


def claims_of(results: Path, folders: Iterable[str]) -> pd.DataFrame:
    """The claims of all folders that have some, a row each, with the folder's name."""
    tables = []
    for name in folders:
        path = results / name / "claims.csv"
        if path.exists():
            tables.append(read_claims(path).assign(folder=name))
    return pd.concat(tables, ignore_index=True)


def whole_table(claims: pd.DataFrame) -> str:
    """Totals, then one table, a row a claim: the paper's of all figures, then ours.

    Claims of tables that are made again are those of other settings, and not always those that are made
    today: their figures are named alone.
    """
    again = claims["folder"].isin(AGAIN)
    claims, waiting = claims[~again], claims.loc[again, "folder"].unique()
    order = claims["of"].eq(Whose.ours.value).argsort(kind="stable")
    header = ["figure", "of", "claim", "verdict", "measured", "settings", "caveats"]
    rows = [
        [
            f"[{row['folder'].removeprefix(FIGURE)}]({row['folder']}/REPORT.md)",
            *(row[name] for name in ("of", "claim", "verdict", "measured", "needs", "caveats")),
        ]
        for _, row in claims.iloc[order].iterrows()
    ]
    parts = [totals(claims), *_waiting(waiting), markdown_table(header, rows)]
    return "\n\n".join(parts)


def short_table(claims: pd.DataFrame) -> str:
    """A row for each figure: what it shows, how many claims of the paper and of ours have which verdict."""
    tested = claims[~claims["folder"].isin(AGAIN)]
    rows = []
    for name, own in claims.groupby("folder", sort=False):
        link = f"[{name.removeprefix(FIGURE)}](results/{name}/REPORT.md)"
        shows = FIGURES[name].title.partition(": ")[2]
        told = [NOT_TESTED, ""] if name in AGAIN else _counts(own)
        rows.append([link, shows, *told])
    header = ["figure", "shows", "claims of the paper", "our claims"]
    names = ", ".join(name.removeprefix(FIGURE) for name in tested["folder"].unique())
    return f"Of figures {names}. {totals(tested)}\n\n{markdown_table(header, rows)}"


def _counts(claims: pd.DataFrame) -> list[str]:
    return [verdict_counts(claims[claims["of"] == whose.value]) for whose in Whose]


def _waiting(names: Iterable[str]) -> list[str]:
    """Which figures are not counted, with links; nothing if all are."""
    links = ", ".join(f"[{name.removeprefix(FIGURE)}]({name}/REPORT.md)" for name in names)
    if not links:
        return []
    return [
        f"Not tested: figures {links}. Their reports are of runs with other settings than the paper's; the "
        "runs with the paper's are not complete."
    ]


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
    results = root / "results"
    whole = whole_table(claims_of(results, (*FIGURES, FOLDING)))
    parts = {results / "README.md": whole, root / "README.md": short_table(claims_of(results, FIGURES))}
    return {path: with_part(path.read_text(), part) for path, part in parts.items()}


def draw_pictures(results: Path, arguments: list[str]) -> int:
    """Draw the pictures of figures, of all that have a table of runs if none is named.

    Returns:
        1 if one cannot be drawn, which is said.
    """
    overrides = [argument for argument in arguments if "=" in argument]
    names = [argument for argument in arguments if argument not in overrides]
    left = 0
    for name in names or [name for name in FIGURES if (results / name / RUNS).exists()]:
        try:
            redraw(results / name, FIGURES[name], experiment_settings(name, overrides))
        except UserError as error:
            left = 1
            print(f"{name}: not drawn: {error}", file=sys.stderr)
    return left


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["pictures"]:
        return draw_pictures(ROOT / "results", arguments[1:])
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = {path: page for path, page in pages(ROOT).items() if path.read_text() != page}
    if arguments == ["write"]:
        for path, page in stale.items():
            path.write_text(page)
        return 0
    for path in stale:
        print(f"{path}: is not of results/FIG/claims.csv; scripts/results write mends it")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
