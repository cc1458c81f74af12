"""The wheel works by itself: not editable, from any folder, with its configurations inside."""

import os
import subprocess
import sys

import pytest
from checkout import ROOT


@pytest.mark.slow
def test_wheel_holds_the_configurations_and_runs(tmp_path):
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(target), str(ROOT)]
    subprocess.run(pip, check=True, timeout=300)
    assert (target / "nnrep" / "configs" / "config.yaml").is_file()
    # -S -I would hide the dependencies too; the path alone puts the wheel's copy first.
    code = "import nnrep, nnrep.choices.defaults as a; print(nnrep.__file__, a.config_folder())"
    environment = os.environ | {"PYTHONPATH": str(target)}
    where = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.split() == [
        str(target / "nnrep" / "__init__.py"),
        str(target / "nnrep" / "configs"),
    ]
    command = [str(target / "bin" / "nnrep"), "run", "system.n=20", "max_steps=40", "hydra.run.dir=run"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run" / "runs.csv").is_file()
    page = subprocess.run([command[0], "report", "run"], cwd=tmp_path, env=environment, capture_output=True)
    assert page.stdout == b"run/report.html\n"
    assert (tmp_path / "run" / "report.html").stat().st_size > 500_000  # with the libraries in it
    # Its sweeper, which Hydra finds by a path of our own.
    sweep = [command[0], "run", "--multirun", "+experiment=fig2_smoke", "reparam=none", *command[2:4]]
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 300}
    result = subprocess.run([*sweep, "seeds=1", "hydra.sweep.dir=sweep"], **options)
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "sweep").glob("*/runs.csv"))) == 5
