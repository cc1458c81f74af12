"""The figures by name, and the names of their modules and constants."""

import ast
import pkgutil
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import nnrep.figures
from nnrep.choices.defaults import config_folder
from nnrep.figures import FIGURES
from nnrep.figures.figure import Figure
from nnrep.figures.registry import FigureRegistry

FOLDER = Path(nnrep.figures.__file__).parent
MODULES = [
    "nnrep.figures",
    *(module.name for module in pkgutil.walk_packages([str(FOLDER)], "nnrep.figures.")),
]


def test_every_figure_of_the_package_is_registered_in_numeric_order():
    files = [path.stem for path in FOLDER.glob("fig[0-9]*.py")]
    folders = [path.parent.name for path in FOLDER.glob("fig[0-9]*/__init__.py")]
    assert len(set(files + folders)) == len(files + folders)
    assert list(FIGURES) == sorted(files + folders, key=lambda name: int(name.removeprefix("fig")))
    assert len(FIGURES) == len(files + folders) >= 8


@pytest.mark.parametrize("name", list(FIGURES))
def test_a_figure_has_its_name_and_its_experiments(name):
    figure = FIGURES[name]
    assert isinstance(figure, Figure)
    assert figure.name == name
    suffixes = ["", "_smoke", *(["_beyond", "_beyond_smoke"] if figure.beyond else [])]
    held = {path.stem for path in (config_folder() / "experiment").glob(f"{name}*.yaml")}
    assert held == {f"{name}{suffix}" for suffix in suffixes}


def test_an_unknown_name_is_no_figure():
    assert "fig99" not in FIGURES
    assert "figure" not in FIGURES
    with pytest.raises(KeyError):
        FIGURES["figure"]


def test_a_figure_is_added_by_its_file_or_folder(tmp_path, monkeypatch):
    package = tmp_path / "figures_of_a_test"
    (package / "fig9").mkdir(parents=True)
    for path in (package / "__init__.py", package / "figure.py", package / "fig9" / "__init__.py"):
        path.write_text("FIGURE = 'nine'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = FigureRegistry("figures_of_a_test")
    assert list(registry) == ["fig9"]
    (package / "fig10.py").write_text("FIGURE = 'ten'\n")
    assert list(registry) == ["fig9", "fig10"]
    assert dict(registry) == {"fig9": "nine", "fig10": "ten"}


def test_names_are_known_before_heavy_modules_are_imported():
    """The command line answers at once, and asks what there is to reproduce."""
    program = (
        "import sys; from nnrep.figures.request import parse_arguments, usage; usage(); "
        "print(*parse_arguments(['all']).figures); "
        "heavy = {'jax', 'pandas', 'numpy', 'matplotlib', 'openmm'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == list(FIGURES)


@pytest.mark.parametrize("name", MODULES)
def test_no_name_shadows_a_module(name):
    """`import nnrep.figures.x as x` gives a module, and no module defines what is called as it is."""
    module = import_module(name)
    parent, _, own = name.rpartition(".")
    assert getattr(import_module(parent), own) is module
    assert isinstance(getattr(module, own, module), ModuleType)


# Of pictures, each of which has its own.
LAYOUT = {"HEIGHT", "ROW_HEIGHT", "KEY_HEIGHT", "STRUCTURE_HEIGHT", "MOST_COLUMNS", "MARGIN"}


def test_a_constant_has_one_meaning():
    """No two modules define a constant of the same name, but for `FIGURE` and sizes of pictures."""
    homes = defaultdict(set)
    for path in FOLDER.rglob("*.py"):
        for statement in ast.parse(path.read_text()).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
            for name in (node.id for target in targets for node in ast.walk(target) if hasattr(node, "id")):
                homes[name].add(path.relative_to(FOLDER))
    assert len(homes) > 50
    shared = {name for name, places in homes.items() if len(places) > 1}
    assert shared <= {"FIGURE", "__all__", *LAYOUT}
