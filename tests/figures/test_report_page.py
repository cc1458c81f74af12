"""The report of a figure's results as a page."""

import gzip
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT
from run_folders import history, table

from nnrep.figures.analysis.summary import summarise
from nnrep.figures.claim import CLAIM_COLUMNS, Verdict
from nnrep.figures.report_page import is_figure, write_figure_report

HOSTILE = "<b>& bold"


@pytest.fixture
def results(tmp_path):
    """Results of figure 2 with one claim of each verdict, and what is kept of one run."""
    folder = tmp_path / "fig2"
    (folder / "positions").mkdir(parents=True)
    (folder / "histories").mkdir()
    rows = table([-1.25, -1.5])
    rows.to_csv(folder / "runs.csv", index=False)
    summarise(rows).to_csv(folder / "summary.csv", index=False)
    claims = [
        ("paper", f"claim {k} {HOSTILE}", "figure 2", "n 400", "1; 2", verdict.value, "a caveat")
        for k, verdict in enumerate(Verdict)
    ]
    pd.DataFrame(claims, columns=CLAIM_COLUMNS).to_csv(folder / "claims.csv", index=False)
    np.save(folder / "positions" / "c0ffee-1.npy", np.eye(4, 3))
    text = history(1, {"fine": 3}).drop(columns="seed").to_csv(index=False)
    (folder / "histories" / "c0ffee-1.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "fig2.png").write_bytes(b"\x89PNG")
    return folder


def data_of(page: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', page)[1])


def test_claims_with_verdicts_settings_runs_and_what_is_kept_of_them(results):
    assert is_figure(results)
    page = write_figure_report(results).read_text(encoding="utf-8")
    assert page.count('<span class="badge ') == len(Verdict)
    for verdict in Verdict:
        assert f'<span class="badge {verdict.name}">{verdict.value}</span>' in page
    assert HOSTILE not in page
    assert "claim 0 &lt;b&gt;&amp; bold" in page
    assert "The paper&#x27;s claims: 1 holds, 1 does not, 1 undecided, 1 not tested." in page
    assert "1<br>2" in page
    assert "<td>-1.375</td>" in page  # the mean of the setting
    assert "<td>-1.50000</td>" in page
    assert "<title>Figure 2" in page
    data = data_of(page)
    assert [each["label"] for each in data["curves"]] == ["seed 1"]
    assert [each["label"] for each in data["scenes"]] == ["seed 1"]


def test_the_command_knows_a_figure(command, results):
    done = command("report", "fig2")
    assert (done.returncode, done.stdout) == (0, "fig2/report.html\n")
    assert 'class="claims"' in (results / "report.html").read_text()


@pytest.mark.parametrize("name", ["fig2", "fig4", "fig9"])
def test_committed_results_have_a_page(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(ROOT / "results" / name, folder)
    page = write_figure_report(folder).read_text(encoding="utf-8")
    claims = pd.read_csv(ROOT / "results" / name / "claims.csv")
    assert page.count('<span class="badge ') == len(claims)
    assert "data:image/png;base64," in page
