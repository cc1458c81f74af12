"""Overrides as users write them."""

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from nnrep.config.overrides import check_override, understood
from nnrep.errors import UserError
from nnrep.sweep.grids import grid_points

ODD = (
    "a b.pdb", "it's.pdb", 'so "it" is.pdb', "a=b.pdb", "a(1).pdb", "(a.pdb", "a[1].cif", "[a].pdb",
    "a{1}.pdb", "a#1.pdb.gz", "é.pdb", "日本.pdb", "a;b&c.pdb", "back\\slash.pdb", " blank .pdb",
    "1E10.pdb", "~a.pdb", "a,b.pdb",
)  # fmt: skip


def value_of(override: str) -> str:
    value = OverridesParser.create().parse_override(override).value()
    return value.text if hasattr(value, "text") else str(value)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("folder", ["", "a (b)/"])
@pytest.mark.parametrize("key", ["system.pdb", "+system.pdb", "++system.pdb"])
def test_names_of_files_are_taken_as_they_are(tmp_path, monkeypatch, name, folder, key):
    monkeypatch.chdir(tmp_path)
    Path(folder or ".").mkdir(exist_ok=True)
    Path(folder, name).touch()
    for is_sweep in (True, False):
        (line,) = understood([f"{key}={folder}{name}"], is_sweep=is_sweep)
        assert value_of(line) == f"{folder}{name}"


def test_a_name_that_looks_like_an_interpolation_is_one_unless_there_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert understood(["system.pdb=${a}.pdb"], is_sweep=False) == ["system.pdb=${a}.pdb"]
    Path("${a}.pdb").touch()
    assert understood(["system.pdb=${a}.pdb"], is_sweep=False) == [r"system.pdb='\${a}.pdb'"]


NUMBERS = ("1E10", "2E05", "4E13", "12E3", "9e99", "3e1")


@pytest.mark.parametrize("entry", NUMBERS)
def test_entries_that_read_like_numbers_stay_what_they_are(entry):
    (line,) = understood([f"system.pdb={entry}"], is_sweep=False)
    assert value_of(line) == entry
    for values in (
        f"{entry},2JOF",
        f"2JOF, {entry}",
        f"choice({entry},2JOF)",
        f"'{entry}',2JOF",
        f"sort(2JOF,{entry})",
    ):
        jobs = grid_points([], understood([f"system.pdb={values}"], is_sweep=True))
        assert sorted(value_of(job) for (job,) in jobs) == sorted([entry, "2JOF"])
        jobs = grid_points([{"system.pdb": values}], [])
        assert sorted(value_of(job) for (job,) in jobs) == sorted([entry, "2JOF"])


@pytest.mark.parametrize(
    "pattern", ["glob({})", "glob([{},2J*])", "glob(['{}'])", "{},glob(2J*)", "glob({}.*)"]
)
@pytest.mark.parametrize("entry", NUMBERS[:3])
def test_such_entries_in_patterns(tmp_path, entry, pattern):
    (tmp_path / f"{entry}.pdb").touch()
    (tmp_path / "2JOF.pdb").touch()
    overrides = understood([f"system.pdb={pattern.format(entry)}"], is_sweep=True)
    jobs = grid_points([], overrides, folders=[str(tmp_path)]) if "." not in pattern else [[f"x={entry}.pdb"]]
    names = {value_of(job).removesuffix(".pdb") for (job,) in jobs}
    assert names - {"2JOF"} == {entry}


@pytest.mark.parametrize(
    "override", ["system.pdb=1L2Y", "system.pdb=null", "system.pdb=a/b.pdb", "lr=1e-3", "seeds=1E2"]
)
def test_what_needs_no_quotes_gets_none(override):
    assert understood([override], is_sweep=False) == understood([override], is_sweep=True) == [override]


def test_chains_between_commas_are_a_sweep_only_where_there_is_one():
    assert understood(["system.chain=A,B"], is_sweep=True) == ["system.chain=A,B"]
    assert value_of(understood(["system.chain=A,B"], is_sweep=False)[0]) == "A,B"
    assert value_of(understood(["system.chain=1E2"], is_sweep=False)[0]) == "1E2"


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("paths.structures=[my (dir)]", 'paths.structures=["my (dir)"]'),
        ("system.pdb=glob([a (b)/*.pdb])", None),
        ("hydra.run.dir=a(1)", 'hydra.run.dir="a(1)"'),
        ("hydra.run.dir=é", 'hydra.run.dir="é"'),
        ("hydra.run.dir=a#b", 'hydra.run.dir="a#b"'),
    ],
)
def test_what_cannot_be_read_says_how_to_quote_it(override, advice):
    with pytest.raises(UserError) as caught:
        check_override(override)
    message = str(caught.value)
    assert message.startswith(f"{override}: cannot be read")
    assert len(message.splitlines()) == 1
    shown = shlex.split(message.rpartition("z: ")[2])
    check_override(shown[0])
    assert advice is None or shown == [advice]
