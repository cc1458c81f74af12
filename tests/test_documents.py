"""What README and the pages of docs/ show works as it stands."""

import re
import shlex
import shutil

import pandas as pd
import pytest
from checkout import ROOT
from hydra import compose, initialize_config_dir

from nnrep.choices.defaults import config_folder
from nnrep.commands.modes_job import load_modes_plan
from nnrep.commands.registry import COMMANDS as VERBS
from nnrep.config.compose import add_plugins, register_resolvers
from nnrep.config.exploring import load_exploring_plan
from nnrep.config.plan import load_plan
from nnrep.errors import UserError
from nnrep.figures import reproduction
from nnrep.figures.request import parse_arguments
from nnrep.structures.force_field_names import PACKAGED
from nnrep.sweep.grids import grid_points

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "results" / "README.md"]


def captured(pattern, flags):
    """What a pattern captures in every page, by page and place."""
    return {
        f"{page.stem}-{place}": text
        for page in PAGES
        for place, text in enumerate(re.findall(pattern, page.read_text(), flags))
    }


SNIPPETS = captured(r"```python\n(.*?)```", re.S)
COMMANDS = captured(r"^(?:scripts/)?nnrep ((?:run|modes|explore) .*)$", re.M)
REPRODUCTIONS = captured(r"^(?:scripts/)?nnrep reproduce (.*)$", re.M)
CONTINUATIONS = {
    name: text
    for name, text in REPRODUCTIONS.items()
    if "resume=true" in shlex.split(text, comments=True) and "results_dir=" not in text
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_python_snippets_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(SNIPPETS[name], names)
    assert names["result"].energy.shape == (len(names["result"].seeds),)
    assert all(names["result"].energy < names["result"].energy_start)


FILES = ("pdb/a.pdb", "a/x.pdb", "b/c/y.cif.gz")  # what the patterns of the pages match
FILES += ("x.prmtop", "x.inpcrd", "x.rst7", "x.top", "x.gro", "x.psf", "x.pdb", "system.xml")
FILES += ("par_all36.prm", "water_ions.str")


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_valid(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    for package, file in PACKAGED.values():  # which those have who give the name
        (tmp_path / package / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / package / file).touch()
    monkeypatch.syspath_prepend(tmp_path)
    add_plugins()
    register_resolvers()
    verb, *words = shlex.split(COMMANDS[name], comments=True)
    words = [word for word in words if not word.startswith("-")]
    load = {"run": load_plan, "modes": load_modes_plan, "explore": load_exploring_plan}[verb]
    words = VERBS[verb].hydra.with_choices(words)
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        for job in grid_points([], words):
            load(compose("config", overrides=job))


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_reproductions_are_valid(name):
    try:
        parse_arguments(shlex.split(REPRODUCTIONS[name], comments=True))
    except UserError as error:
        if "; pip install" not in str(error):
            raise
        pytest.skip(str(error))  # an engine whose package is not installed


@pytest.mark.parametrize("name", CONTINUATIONS)
def test_continuations_take_up_the_results_of_the_checkout(name, tmp_path, monkeypatch):
    """All runs that results/FIG holds are of the settings that the command makes, and it adds some."""
    request = parse_arguments(shlex.split(CONTINUATIONS[name], comments=True))
    for figure in request.figures:
        shutil.copytree(ROOT / "results" / figure, tmp_path / "results" / figure)
    monkeypatch.chdir(tmp_path)
    taken = []

    def take(each, stores, *_):
        wanted = reproduction.run_names(each.settings)
        taken.append((each.figure.name, stores.runs.done(), wanted))
        return 0

    monkeypatch.setattr(reproduction, "_reproduce_one", take)
    assert reproduction.reproduce(request) == 0  # nothing is refused
    for figure, done, wanted in taken:
        held = set(pd.read_csv(ROOT / "results" / figure / "runs.csv")["run_id"])
        assert done == held < set(wanted)
    assert len(taken) == len(request.figures)


# The first command of a block, and the output that is shown after it.
OUTPUTS = captured(r"```sh\nnnrep (run [^\n]*)\n(?:(?!```text).)*?```text\n(.*?)```", re.S)


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_what_one_gets(name, command):
    asked, shown = OUTPUTS[name]
    ran = command(*shlex.split(asked, comments=True))
    assert ran.returncode == 0, ran.stderr
    (titles, row), (shown_titles, shown_row) = (text.splitlines()[-2:] for text in (ran.stdout, shown))
    # Where a stream has no encoding there is no Å.
    assert titles.split() == shown_titles.replace("Å", "A").split()
    assert len(row.split()) == len(shown_row.split())
    place = titles.split().index("status") + 1  # the energy's, whose title may be its unit
    energy, shown_energy = (float(each.split()[place]) for each in (row, shown_row))
    assert energy == pytest.approx(shown_energy, rel=0.01)
    assert row.split()[:place] == shown_row.split()[:place]  # seed and status


def test_there_is_something_to_test():
    assert len(OUTPUTS) == 2
    assert len(SNIPPETS) >= 8
    assert len(COMMANDS) >= 15
    assert len(REPRODUCTIONS) >= 5
    assert len(CONTINUATIONS) >= 1


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    for link in links:
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_readme_is_one_page():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 900
