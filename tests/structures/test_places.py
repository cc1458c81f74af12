"""Structures are found in files, folders, the cache and the archive."""

import gzip
import http.server
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structure_texts import DEFAULT, EMBEDDED, fails, structure, text

import nnrep.structures.fetch
from nnrep.structures.places import find_structure
from nnrep.structures.prepare import prepared
from nnrep.structures.read import read_structure

pytestmark = pytest.mark.usefixtures("cache")


# Where structures are found.


def test_the_embedded_structure_needs_nothing(tmp_path):
    found = find_structure(None, [tmp_path / "nowhere"])
    assert (found.name, found.origin, found.path) == ("1L2Y", "embedded in nnrep", None)
    assert b"Neidigh" in found.data
    assert find_structure("1l2y", []) == found


@pytest.mark.parametrize("name", ["a.pdb", "a.PDB", "a.ent", "a.pdb.gz", "a.Ent.GZ", "a.cif", "a.mmcif.gz"])
def test_files_of_every_suffix(tmp_path, name):
    content = text() if "cif" not in name else structure(residues=6).make_mmcif_document().as_string()
    data = content.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.lower().endswith("gz") else data)
    found = find_structure(str(tmp_path / name), [])
    assert found.name == "a"
    assert found.path == tmp_path / name
    assert found.data == data
    assert len(read_structure(found, DEFAULT)[0][0]) == 6


@pytest.mark.parametrize(
    "name", ["2JOF.pdb", "2jof.PDB", "2JOF.cif.gz", "pdb2jof.ent", "pdb2JOF.ent.gz", "2JOF_trimmed.pdb"]
)
@pytest.mark.parametrize("place", ["folder", "NNREP_STRUCTURES", "cache"])
def test_entries_are_found_by_their_letters(tmp_path, cache, monkeypatch, name, place):
    folder = cache / "structures" if place == "cache" else tmp_path / "mine"
    folder.mkdir(parents=True)
    (tmp_path / "other").mkdir()
    path = folder / name
    path.write_bytes(gzip.compress(b"ATOM") if name.endswith("gz") else b"ATOM")
    if place == "NNREP_STRUCTURES":
        monkeypatch.setenv("NNREP_STRUCTURES", os.pathsep.join([str(tmp_path / "other"), str(folder)]))
    folders = [tmp_path / "other", folder] if place == "folder" else []
    found = find_structure("2jof", folders)
    assert found == ("2JOF", str(path), path, b"ATOM")


def test_the_order_of_places_and_names(tmp_path, cache, monkeypatch):
    places = [tmp_path / "first", tmp_path / "second", tmp_path / "third", cache / "structures"]
    for folder in places:
        folder.mkdir(parents=True)
        (folder / "2JOF.pdb").write_text(folder.name)
    (places[0] / "2JOF_part.pdb").write_text("part")
    monkeypatch.setenv("NNREP_STRUCTURES", str(places[2]))
    for folder in places:
        assert find_structure("2JOF", places[:2]).data.decode() == folder.name
        (folder / "2JOF.pdb").unlink()
        (folder / "2JOF_part.pdb").unlink(missing_ok=True)


def test_what_cannot_be_found(tmp_path, monkeypatch):
    monkeypatch.setattr(nnrep.structures.fetch, "ADDRESS", "http://127.0.0.1:9/{entry}.cif.gz")
    (tmp_path / "2JOF_a.pdb").touch()
    (tmp_path / "2JOF_b.pdb").touch()
    (tmp_path / "empty.pdb").touch()
    (tmp_path / "cut.pdb.gz").write_bytes(gzip.compress(EMBEDDED.encode())[:2000])
    (tmp_path / "plain.pdb.gz").write_text(EMBEDDED)
    (tmp_path / "folder.pdb").mkdir()

    def find(pdb: str, *folders: Path) -> Callable[[], object]:
        return lambda: find_structure(pdb, folders)

    fails(find("trp-cage"), "system.pdb", "'trp-cage' is neither a file", ".cif", "four letters", "1L2Y")
    fails(find(""), "system.pdb", "neither a file")
    fails(find("nope.pdb"), "system.pdb", "nope.pdb: no such file")
    fails(find(str(tmp_path / "folder.pdb")), "folder.pdb: a folder")
    fails(find("1ABC", tmp_path / "nowhere"), "paths.structures", "nowhere: no such folder")
    fails(find("1ABC", tmp_path / "empty.pdb"), "paths.structures", "empty.pdb: not a folder")
    fails(find("2JOF", tmp_path), "system.pdb", "2JOF_a.pdb, 2JOF_b.pdb")
    fails(find(str(tmp_path / "empty.pdb")), "empty.pdb: is empty")
    fails(find(str(tmp_path / "cut.pdb.gz")), "cut.pdb.gz: a damaged gzip file")
    fails(find(str(tmp_path / "plain.pdb.gz")), "plain.pdb.gz: a damaged gzip file")
    monkeypatch.setenv("NNREP_STRUCTURES", str(tmp_path / "gone"))
    fails(find("1ABC"), "NNREP_STRUCTURES", "gone: no such folder")


# What is fetched.


WHOLE = gzip.compress(structure(residues=6).make_mmcif_document().as_string().encode())
REPLIES = {
    "1AAA": (200, WHOLE),
    "1BBB": (200, b"<html>log in first</html>"),
    "1CCC": (200, WHOLE[: len(WHOLE) // 2]),
    "1DDD": (200, gzip.compress(b"data_1DDD\n")),
    "1EEE": (503, b""),
}


class Archive(http.server.BaseHTTPRequestHandler):
    """An archive of one entry, and of what goes wrong."""

    def do_GET(self):
        status, content = REPLIES.get(self.path[1:5], (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) + (99 if self.path.startswith("/1CCC") else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def archive(monkeypatch) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(nnrep.structures.fetch, "ADDRESS", address + "{entry}.cif.gz")
    monkeypatch.setenv("no_proxy", "*")
    yield address
    server.shutdown()
    server.server_close()


def test_entries_are_fetched_once(archive, cache, monkeypatch):
    found = find_structure("1aaa", [])
    assert found[:3] == ("1AAA", f"{archive}1AAA.cif.gz", None)
    assert [path.name for path in (cache / "structures").iterdir()] == ["1AAA.cif.gz"]
    monkeypatch.setattr(nnrep.structures.fetch, "ADDRESS", "http://127.0.0.1:9/{entry}")
    again = find_structure("1AAA", [])
    assert again.path == cache / "structures" / "1AAA.cif.gz"
    assert again.data == found.data
    assert prepared("1AAA", [], DEFAULT).name == "1AAA"


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ("1ZZZ", ("system.pdb", "there is no entry 1ZZZ")),
        ("1BBB", ("1BBB.cif.gz: a damaged gzip file",)),
        ("1CCC", ("1CCC", "cannot be fetched", "paths.structures=[DIR]")),
        ("1DDD", ("1DDD.cif.gz: no atoms",)),
        ("1EEE", ("1EEE", "cannot be fetched", "NNREP_STRUCTURES")),
    ],
)
def test_nothing_is_kept_of_what_cannot_be_fetched(archive, cache, entry, parts):
    fails(lambda: find_structure(entry, []), *parts)
    assert not (cache / "structures").exists()


def test_without_a_network_the_error_says_how_to_go_on(tmp_path, cache, monkeypatch):
    def refuse(*args, **options):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    parts = ("1ABC", str(tmp_path), str(cache), "Network is unreachable", "paths.structures=[DIR]")
    fails(lambda: find_structure("1ABC", [tmp_path]), *parts, "NNREP_STRUCTURES", "system.pdb=FILE")


def test_a_cache_that_cannot_be_written_is_no_error(archive, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NNREP_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING, "nnrep"):
        molecules = [prepared("1AAA", [], DEFAULT) for _ in range(2)]
    assert molecules[0].pdb == molecules[1].pdb
    assert "1AAA.cif.gz cannot be written (Not a directory): the fetched entry is not kept" in caplog.text
    assert caplog.text.count("prepared structures are not kept; set NNREP_CACHE") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"file"}
