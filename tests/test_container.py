"""The Dockerfile, as far as that goes without Docker: what it copies suffices, and its commands are ours."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile

import pytest
from checkout import ROOT

from nnrep.figures.request import parse_arguments

TEXT = (ROOT / "Dockerfile").read_text()
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]


def steps(name):
    """What follows an instruction, wherever it stands."""
    return [rest for word, rest in LINES if word == name]


def copied():
    """Path in the checkout -> path in the image."""
    paths = {}
    for step in steps("COPY"):
        *sources, target = shlex.split(step)
        for source in sources:
            paths[source] = f"{target}{source}" if target.endswith("/") else target
    return paths


def test_what_is_copied_is_there_and_is_not_ignored():
    rules = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in rules
    for source in copied():
        assert (ROOT / source).exists(), source
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())


@pytest.mark.slow
def test_what_is_copied_suffices_for_a_wheel_of_the_checkout(tmp_path):
    for source, target in copied().items():
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, place)
    build = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(tmp_path / "src")], check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("nnrep", "nnrep"), ("configs", "nnrep/configs")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" in names


def test_it_runs_the_first_command_of_the_readme():
    first = re.search(r"## Quick start\n\n```sh\n(.*)\n", (ROOT / "README.md").read_text())
    entry, arguments = (json.loads(steps(name)[0]) for name in ("ENTRYPOINT", "CMD"))
    assert [*entry, *arguments] == shlex.split(first.group(1))


def test_its_python_is_one_that_the_package_takes():
    (base,) = steps("FROM")
    assert re.search(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text()).group(1) in base


def test_the_commands_that_are_shown_are_valid():
    pages = TEXT + (ROOT / "docs" / "many-machines.md").read_text()
    shown = re.findall(r"docker run .* nnrep (reproduce .*)", pages)
    assert shown
    for command in shown:
        parse_arguments(shlex.split(command, comments=True)[1:])
    extras = re.findall(r"--build-arg EXTRAS=(\S+)", pages)
    known = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    for extra in ",".join(extras).split(","):
        assert re.search(rf"^{extra} = \[", known, re.M), extra
