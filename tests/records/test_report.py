"""The report of runs: what of the files is in the page, and that nothing in them can break it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from run_folders import history, table, write_run, write_sweep_table
from structure_texts import text

from nnrep.errors import UserError
from nnrep.records.report import page
from nnrep.records.report.curves import curve
from nnrep.records.report.html import json_block
from nnrep.records.report.runs import write_report
from nnrep.records.report.structures import native_positions, scene_of

HOSTILE = "</script><script>alert(1)</script><!--"
CONFIG = {"system": {"name": "loop", "n": 4}, "reparam": {"name": "none"}, "schedule": {"name": "paper"}}
ENERGY_ROWS = table([-1.25, -1.5])


class Parsed(HTMLParser):
    """The elements of a page by tag, the cells of its tables, and its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[dict] = []
        self.cells: list[str] = []
        self.data = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))
        self._open = "data" if dict(attrs).get("id") == "data" else tag

    def handle_data(self, data):
        if self._open == "td":
            self.cells.append(data)
        if self._open == "data":
            self.data += data

    def handle_endtag(self, tag):
        self._open = ""


def report(folder) -> Parsed:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Parsed(path.read_text(encoding="utf-8"))


def coordinates(packed: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), "<f4").reshape(-1, 3)


@pytest.fixture
def run(tmp_path):
    starts = np.random.default_rng(0).normal(size=(2, 4, 2))
    checks = history(2, {"coarse": 3, "fine": 4})
    return write_run(tmp_path / "a", ENERGY_ROWS, CONFIG, checks, starts), starts


def test_a_run_is_a_table_with_curves_structures_and_configuration(run):
    folder, starts = run
    parsed = report(folder)
    assert {"-1.25000", "-1.50000", "-1.37500"} <= set(parsed.cells)  # seeds, best and mean
    assert "seed 1" in parsed.cells
    data = json.loads(parsed.data)
    first = data["curves"][0]
    assert [each["label"] for each in data["curves"]] == ["seed 0", "seed 1"]
    assert (first["step"], first["ends"]) == (list(range(1, 8)), [["coarse", 2], ["fine", 6]])
    assert first["values"]["energy"] == pytest.approx([1 / k for k in range(1, 8)])
    assert first["lowest"] == pytest.approx(1 / 7)
    (scene, other) = data["scenes"]
    assert (scene["energy"], other["energy"]) == (-1.25, -1.5)
    assert scene["pdb"] is None
    assert scene["chain"] is True
    start = coordinates(scene["parts"]["start"])  # about zero, in three dimensions
    np.testing.assert_allclose(start[:, :2], starts[0] - starts[0].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(2 * coordinates(scene["parts"]["end"]), start, atol=1e-6)
    assert "n: 4" in (folder / "report.html").read_text()


def test_particles_of_a_cluster_are_no_chain(tmp_path):
    config = CONFIG | {"system": {"name": "cluster", "n": 4}}
    starts = np.random.default_rng(0).normal(size=(2, 4, 3))
    rows = table([-1.0, -2.0], system="cluster")
    parsed = report(write_run(tmp_path / "a", rows, config, history(2, {"fine": 4}), starts))
    assert [scene["chain"] for scene in json.loads(parsed.data)["scenes"]] == [False, False]


def test_a_page_fetches_nothing(run):
    parsed = report(run[0])
    for attributes in parsed.attributes:
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
    assert "default-src 'none'" in str(parsed.attributes)
    assert "link" not in parsed.tags


def test_text_of_files_cannot_break_the_page(run, tmp_path):
    folder, starts = run
    plain = report(folder).tags
    rows = table([-1.0, -2.0], system=HOSTILE, structure_source=HOSTILE, device=HOSTILE)
    checks = history(2, {HOSTILE: 3, "fine": 4})
    config = CONFIG | {"system": {"name": HOSTILE}}
    hostile = report(write_run(tmp_path / "b", rows, config, checks, starts))
    assert hostile.tags.count("script") == plain.count("script") == 4
    assert HOSTILE in hostile.cells
    assert json.loads(hostile.data)["curves"][0]["ends"][0][0] == HOSTILE


def test_numbers_that_are_none_are_null(tmp_path):
    checks = history(1, {"fine": 3})
    checks.loc[1, "energy"], checks.loc[2, "energy"] = np.nan, np.inf
    data = json.loads(report(write_run(tmp_path / "a", table([np.nan]), CONFIG, checks)).data)
    assert data["curves"][0]["values"]["energy"] == [1.0, None, None]
    assert data["curves"][0]["lowest"] == 1.0
    with pytest.raises(ValueError, match="JSON"):
        json_block("data", [np.nan])


def test_long_curves_are_thinned_and_keep_the_ends_of_stages():
    checks = history(1, {"coarse": 3333, "fine": 6667}).drop(columns="seed")
    made = curve(checks, "a", "b", most=100)
    assert len(made["step"]) <= 102
    assert (made["step"][0], made["step"][-1]) == (1, 10_000)
    assert [made["step"][place] for _, place in made["ends"]] == [3333, 10_000]
    assert made["lowest"] == checks["energy"].min()


def test_a_sweep_is_one_page_with_the_settings_that_differ(tmp_path):
    jobs = [table([-1.0], reparam=name, config_hash=name) for name in ("none", "cg")]
    for number, rows in enumerate(jobs):
        config = CONFIG | {"reparam": {"name": rows["reparam"][0]}}
        write_run(tmp_path / str(number), rows, config, history(1, {"fine": 3}))
    write_sweep_table(tmp_path, jobs, ["system.n: must be at least 2, got 1"])
    parsed = report(tmp_path)
    labels = [each["label"] for each in json.loads(parsed.data)["curves"]]
    assert labels == ["0, reparam=none, seed 0", "1, reparam=cg, seed 0"]
    assert "reparam.name" in parsed.cells
    assert "system.n" not in parsed.cells
    assert "Not run: system.n: must be at least 2, got 1" in (tmp_path / "report.html").read_text()


def test_of_many_runs_those_of_the_lowest_energies_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("nnrep.records.report.runs.MOST_CURVES", 2)
    rows = table([-1.0, -3.0, np.nan, -2.0])
    parsed = report(write_run(tmp_path / "a", rows, CONFIG, history(4, {"fine": 3})))
    assert [each["label"] for each in json.loads(parsed.data)["curves"]] == ["seed 1", "seed 3"]
    reason = "2 of 4 runs are drawn: of those with a history, the lowest energies."
    assert reason in (tmp_path / "a" / "report.html").read_text()


def test_of_large_systems_fewer_structures_are_shown(run, monkeypatch):
    folder, _ = run
    monkeypatch.setattr("nnrep.records.report.runs.MOST_NUMBERS", 2 * 3 * 4)  # start and end of one seed
    assert [each["label"] for each in json.loads(report(folder).data)["scenes"]] == ["seed 1"]
    assert "1 of 2 runs are shown: of those with positions" in (folder / "report.html").read_text()


def test_pictures_are_limited_by_their_size(run, monkeypatch):
    folder, _ = run
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).write_bytes(bytes(100))
    monkeypatch.setattr("nnrep.records.report.sections.MOST_BYTES", 250)
    assert report(folder).tags.count("img") == 2
    assert "2 of 3 pictures" in (folder / "report.html").read_text()


def test_proteins_are_superposed_on_the_native_structure():
    pdb = text(residues=3)
    native = native_positions(pdb)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    made = scene_of("a", pdb, {"end": native @ turn.T + 7, "start": native * 1e6})
    np.testing.assert_allclose(coordinates(made["parts"]["end"]), native, atol=1e-3)
    assert list(made["parts"]) == ["end"]  # the start is too far away for a PDB file
    assert scene_of("a", pdb, {"end": native[1:]}) is None  # of another molecule


def test_a_pictures_bytes_are_in_the_page(run):
    folder, _ = run
    (folder / "layout.png").write_bytes(b"\x89PNG picture")
    encoded = base64.b64encode(b"\x89PNG picture").decode()
    assert {"src": f"data:image/png;base64,{encoded}", "alt": "layout.png"} in report(folder).attributes


def test_a_page_is_replaced_and_another_file_is_not(run):
    folder, _ = run
    assert write_report(folder) == write_report(folder)
    (folder / "report.html").write_text("mine")
    with pytest.raises(UserError, match=r"report\.html: is no report of nnrep's"):
        write_report(folder)
    assert (folder / "report.html").read_text() == "mine"


@pytest.mark.parametrize("name", ["config.yaml", "history.csv", "positions.npz"])
def test_a_file_that_cannot_be_read_is_named(run, name):
    folder, _ = run
    (folder / name).write_bytes(b"\x00{: \n")
    with pytest.raises(UserError, match=re.escape(name)) as raised:
        write_report(folder)
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_not_there_is_left_out(tmp_path):
    parsed = report(write_run(tmp_path / "a", table([-1.0])))
    data = json.loads(parsed.data)
    assert (data["curves"], data["scenes"]) == ([], [])
    assert "-1.00000" in parsed.cells


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds no runs \(runs\.csv\), nor does any folder below it$"):
        write_report(tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        write_report(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


SHA256 = {
    "3dmol-2.5.5.min.js": "f7cc78921ae72e7623e89cdd111434f58c2efddd2ffda1cd212644b406fb8016",
    "uplot-1.6.32.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot-1.6.32.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def test_libraries_are_those_that_were_published():
    """Each is the file of its npm package: 3Dmol-min.js, uPlot.iife.min.js, uPlot.min.css."""
    names = [name for files in page.LIBRARIES.values() for name in files]
    assert {name: hashlib.sha256(page._asset(name).encode()).hexdigest() for name in names} == SHA256
    assert page._asset("uplot-1.6.32.min.js").startswith("/*! https://github.com/leeoniya/uPlot (v1.6.32) */")
    for name in names:
        assert not re.search("</script|<!--|</style", page._asset(name), re.I)
    for library in page.LIBRARIES:
        assert "Permission is hereby granted" in page._asset(f"{library}.LICENSE")


def test_a_page_without_data_is_small():
    assert len(page.whole_page("", [], [], {}).encode()) < 1_500_000
