"""The pages that quote claims are of the tables of claims as they are."""

import re
import shutil

import pandas as pd
import pytest
from checkout import ROOT
from results_page import results_page

from nnrep.figures import FIGURES
from nnrep.figures.claim import CLAIM_COLUMNS
from nnrep.figures.redrawing import caption_of
from nnrep.sweep.settings import Experiment


@pytest.mark.parametrize("page", ["README.md", "results/README.md"])
def test_pages_are_up_to_date(page):
    """`scripts/results write` after each new table."""
    assert results_page.pages(ROOT)[ROOT / page] == (ROOT / page).read_text()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with a figure of now, and two that are made again."""
    monkeypatch.setattr(results_page, "AGAIN", ("fig4", "fig9"))
    rows = [
        ("paper", "P1", "figure 2", "n 400", "m1", "not tested", "not in full: n 30"),
        ("ours", "O1", "of figure 2", "n 400", "m2", "holds", "ours | only"),
        ("paper", "P2", "figure 2", "n 400", "m3", "holds", ""),
    ]
    for name in ("fig2", "fig4", "fig9"):
        (tmp_path / "results" / name).mkdir(parents=True)
    pd.DataFrame(rows, columns=CLAIM_COLUMNS).to_csv(
        tmp_path / "results" / "fig2" / "claims.csv", index=False
    )
    earlier = {
        "claim": ["P9", "O9"],
        "source": ["figure 9", "ours, of figure 9"],
        "measured": "m",
        "verdict": "holds",
    }
    for name in ("fig4", "fig9"):
        pd.DataFrame(earlier).to_csv(tmp_path / "results" / name / "claims.csv", index=False)
    for page in ("README.md", "results/README.md"):
        (tmp_path / page).write_text(f"mine\n{results_page.BEGIN}\nSTALE\n{results_page.END}\nmine too\n")
    return tmp_path


def test_each_claim_is_a_row_with_settings_numbers_and_caveats(root):
    page = results_page.pages(root)[root / "results" / "README.md"]
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert [row.split(" | ")[2] for row in rows] == ["P1", "P2", "O1"]  # the paper's first
    assert rows[0] == "| [2](fig2/REPORT.md) | paper | P1 | not tested | m1 | n 400 | not in full: n 30 |"
    assert rows[2].endswith("| ours \\| only |")
    assert "The paper's claims: 1 holds, 1 not tested. Ours: 1 holds." in page
    assert page.startswith("mine\n")
    assert page.endswith("\nmine too\n")
    assert "STALE" not in page


def test_claims_on_folding_are_among_ours_in_the_results_alone(root):
    folder = root / "results" / "folding"
    folder.mkdir()
    row = ("ours", "F1", "of the searches", "10 searches", "m", "undecided", "")
    pd.DataFrame([row], columns=CLAIM_COLUMNS).to_csv(folder / "claims.csv", index=False)
    pages = results_page.pages(root)
    assert "| [folding](folding/REPORT.md) | ours | F1 | undecided |" in pages[root / "results" / "README.md"]
    assert "folding" not in pages[root / "README.md"]


def test_the_readme_counts_the_papers_claims_and_ours_apart(root):
    page = results_page.pages(root)[root / "README.md"]
    shows = "layouts of both loops by GD, CG and GNN"
    assert f"| [2](results/fig2/REPORT.md) | {shows} | 1 holds, 1 not tested | 1 holds |" in page
    assert "Of figures 2. The paper's claims: 1 holds, 1 not tested. Ours: 1 holds." in page


def test_claims_of_tables_that_are_made_again_are_not_counted_whatever_they_say(root, monkeypatch):
    pages = results_page.pages(root)
    assert re.search(
        r"\| \[9\]\(results/fig9/REPORT.md\) \| .+ \| not tested \|  \|", pages[root / "README.md"]
    )
    whole = pages[root / "results" / "README.md"]
    assert "Not tested: figures [4](fig4/REPORT.md), [9](fig9/REPORT.md). Their reports are of runs" in whole
    assert "P9" not in whole
    monkeypatch.setattr(results_page, "AGAIN", ())
    assert "Not tested: figures" not in results_page.pages(root)[root / "results" / "README.md"]


def test_what_has_drifted_is_told_and_mended(root, monkeypatch, capsys):
    monkeypatch.setattr(results_page, "ROOT", root)
    for argument, status in (("check", 1), ("write", 0), ("check", 0)):
        monkeypatch.setattr("sys.argv", ["results", argument])
        assert results_page.main() == status
    shutil.copyfile(root / "results" / "fig9" / "claims.csv", root / "results" / "fig2" / "claims.csv")
    monkeypatch.setattr("sys.argv", ["results", "check"])
    assert results_page.main() == 1
    assert "README.md: is not of results/FIG/claims.csv" in capsys.readouterr().out
    (root / "README.md").write_text("no place for it")
    with pytest.raises(SystemExit, match="lacks"):
        results_page.main()


@pytest.fixture
def tables(tmp_path):
    """The tables of two figures; the picture of one needs histories, which are not there."""
    for name in ("fig4", "fig8"):
        folder = tmp_path / name
        folder.mkdir()
        for table in ("runs.csv", "repeats.csv"):
            shutil.copy(ROOT / "results" / name / table, folder)
        (folder / "REPORT.md").write_text(f"# Title\n\n![Title]({name}.png)\n\nStale.\n\n## Claims\n")
    return tmp_path


def test_pictures_are_drawn_again_from_tables_where_these_suffice(tables, monkeypatch, capsys):
    monkeypatch.setattr(results_page, "experiment_settings", lambda *_: Experiment([], {}, {}))
    before = {path: path.read_bytes() for path in tables.rglob("*.csv")}
    assert results_page.draw_pictures(tables, ["paths.structures=[pdb]"]) == 1
    assert "fig4: not drawn: " in (told := capsys.readouterr().err)
    assert "histories" in told
    assert "fig8" not in told
    assert (tables / "fig8" / "fig8.png").exists()
    assert (tables / "fig8" / "fig8.pdf").exists()
    assert not (tables / "fig4" / "fig4.png").exists()
    report = (tables / "fig8" / "REPORT.md").read_text()
    assert report == f"# Title\n\n![Title](fig8.png)\n\n{FIGURES['fig8'].caption}\n\n## Claims\n"
    assert "Stale." in (tables / "fig4" / "REPORT.md").read_text()
    assert {path: path.read_bytes() for path in tables.rglob("*.csv")} == before
    assert results_page.draw_pictures(tables, ["fig8"]) == 0


def test_a_caption_names_tables_that_are_there():
    whole = caption_of(FIGURES["fig3"], {"fresh_starts.csv", "one_start.csv", "over_starts.csv"})
    assert whole == FIGURES["fig3"].caption
    part = caption_of(FIGURES["fig3"], set())
    assert whole.startswith(part)
    assert part.endswith("than one among 6.")
