"""Rows of finished runs come to MLflow, Weights & Biases and TensorBoard; trouble with these harms no run."""

import json
import struct
import subprocess
import sys

import pandas as pd
import pytest
from omegaconf import OmegaConf

from nnrep.choices.defaults import config_folder
from nnrep.records.loggers import row_logger
from nnrep.records.loggers.logged_run import finished_runs
from nnrep.records.loggers.mlflow import TAG, MLflow
from nnrep.records.loggers.row_logger import RowLogger
from nnrep.records.loggers.tensorboard import TensorBoard

SMALL = (
    "run",
    "system.n=20",
    "system.loop_length=5",
    "reparam=none",
    "max_steps=40",
    "record.pictures=false",
)

# Stands for the package, also in processes of jobs: writes what it is told to a file.
FAKE = """
import json
from pathlib import Path

FILE = Path({file!r})


def write(*what):
    with FILE.open("a") as file:
        file.write(json.dumps(what) + "\\n")


class Settings:
    def __init__(self, silent):
        pass


class Run:
    def __init__(self, name):
        self.name, self.summary = name, self

    def log(self, values, step):
        write(self.name, "log", step, values)

    def update(self, numbers):
        write(self.name, "summary", numbers)

    def finish(self):
        write(self.name, "finish")


def init(project, entity, id, name, config, resume, settings):
    if FILE.with_name("broken").exists():
        raise ConnectionError("no network\\nat all")
    write(name, "init", project, config)
    return Run(name)
"""


@pytest.fixture(autouse=True)
def _none_left():
    yield
    assert RowLogger.active == []


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """A stand-in, and a function that reads what it was told."""
    packages, file = tmp_path / "packages", tmp_path / "told"
    packages.mkdir()
    (packages / "wandb.py").write_text(FAKE.format(file=str(file)))
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setenv("PYTHONPATH", str(packages), prepend=":")
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    sys.modules.pop("wandb", None)


def a_folder(path, statuses=("stalled", "interrupted")):
    """Of a run with a seed for each status."""
    count = len(statuses)
    rows = {
        "run_id": [f"12e9-{seed}" for seed in range(count)],
        "system": "loop",
        "structure": "",
        "seed": range(count),
        "status": statuses,
        "energy": [-1.5 - seed for seed in range(count)],
        "rmsd_ca": "",
        "device": "cpu",
        "config_hash": "12e9",
    }
    pd.DataFrame(rows).to_csv(path / "runs.csv", index=False)
    history = {
        "seed": 0,
        "stage": "fine",
        "step": [20, 40],
        "energy": [3.0, -1.0],
        "gradient_norm": [1.0, None],
    }
    pd.DataFrame(history).to_csv(path / "history.csv", index=False)
    return path


def test_finished_rows_are_settings_and_numbers(tmp_path):
    (run,) = finished_runs(a_folder(tmp_path))
    assert run.name == "12e9-0"
    assert run.numbers == {"energy": -1.5}
    assert run.settings == {
        **{"run_id": "12e9-0", "system": "loop", "seed": "0", "status": "stalled"},
        **{"device": "cpu", "config_hash": "12e9"},
    }
    first, second = run.curves()
    assert first == (20, {"history/energy": 3.0, "history/gradient_norm": 1.0})
    assert second == (40, {"history/energy": -1.0})


def taken(logger, *folders):
    """Log what is in some folders, as a command does."""
    logger.on_run_start(None)
    for folder in folders:
        row_logger.log_rows(folder)
    RowLogger.active.clear()


@pytest.mark.slow
def test_mlflow_has_parameters_metrics_and_curves_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database takes a minute to be made
    folder, store = a_folder(tmp_path), (tmp_path / "store").as_uri()
    for _ in range(2):
        taken(MLflow(tracking_uri=store, experiment="loops"), folder)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("loops").experiment_id])
    assert run.info.run_name == run.data.tags[TAG] == "12e9-0"
    assert run.info.status == "FINISHED"
    assert run.data.params["system"] == "loop"
    assert run.data.metrics["energy"] == -1.5
    curve = client.get_metric_history(run.info.run_id, "history/energy")
    assert [(point.step, point.value) for point in curve] == [(20, 3.0), (40, -1.0)]


def test_tensorboard_has_text_scalars_and_curves_once(tmp_path):
    folder, logdir = a_folder(tmp_path), tmp_path / "board"
    for _ in range(2):
        taken(TensorBoard(logdir=str(logdir)), folder)
    assert [path.name for path in logdir.iterdir()] == ["12e9-0"]
    (file,) = (logdir / "12e9-0").iterdir()
    values = [
        (value.tag, event.step, value.simple_value) for event in events(file) for value in event.summary.value
    ]
    assert ("energy", 0, -1.5) in values
    assert [value[1:] for value in values if value[0] == "history/energy"] == [(20, 3.0), (40, -1.0)]
    assert any(tag.startswith("settings") for tag, _, _ in values)


def events(file):
    """The events of a file: each between its length, with a checksum, and a checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content, at = file.read_bytes(), 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        yield Event.FromString(content[at + 12 : at + 12 + length])
        at += 16 + length


def test_a_command_logs_its_run(command, wandb):
    done = command(*SMALL, "seeds=[3]", "hydra/callbacks=wandb", "hydra.callbacks.wandb.project=loops")
    assert done.returncode == 0, done.stderr
    told = wandb()
    name = told[0][0]
    assert name.endswith("-3")
    assert told[0][1:3] == ["init", "loops"]
    assert told[0][3]["system"] == "loop"
    assert [what[2] for what in told if what[1] == "log"] == [20, 40]
    assert told[-2][1] == "summary"
    assert "energy" in told[-2][2]
    assert told[-1] == [name, "finish"]


@pytest.mark.slow
def test_a_sweep_logs_the_jobs_of_all_its_processes(command, wandb):
    sweep = (*SMALL, "--multirun", "system.n=20,21,22", "hydra.launcher.workers=2", "hydra/callbacks=wandb")
    done = command(*(each for each in sweep if each != "system.n=20"))
    assert done.returncode == 0, done.stderr
    assert sorted(what[3]["n"] for what in wandb() if what[1] == "init") == ["20", "21", "22"]


def test_a_job_that_cannot_be_run_is_not_logged(command, wandb):
    done = command(*SMALL, "--multirun", "system.loop_length=5,50", "hydra/callbacks=wandb")
    assert done.returncode == 2
    assert len([what for what in wandb() if what[1] == "init"]) == 1


def test_what_fails_is_a_warning_and_is_logged_by_the_next_command(command, wandb, tmp_path):
    again = (
        *SMALL,
        "--multirun",
        "seeds=[0],[1]",
        "hydra/callbacks=wandb",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    (tmp_path / "broken").touch()
    done = command(*again)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stderr.split())
    assert text.count("wandb: no network at all; the next runs are not logged") == 1
    assert "Traceback" not in done.stderr
    assert wandb() == []
    (tmp_path / "broken").unlink()
    assert command(*again, "resume=true").returncode == 0
    assert len([what for what in wandb() if what[1] == "finish"]) == 2


def test_a_logger_leaves_numpy_to_be_loaded_after_the_number_of_threads_is_set():
    settings = [OmegaConf.load(path) for path in (config_folder() / "hydra" / "callbacks").glob("*.yaml")]
    targets = [each._target_ for callbacks in settings for each in callbacks.values()]
    assert len(targets) >= 3
    modules = ", ".join(target.rpartition(".")[0] for target in targets)
    code = f"import sys, {modules}; assert 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["mlflow", "wandb", "tensorboard"])
@pytest.mark.parametrize("sweep", [(), ("--multirun",)])
def test_a_package_that_is_missing_is_one_line_before_anything_is_computed(
    command, tmp_path, monkeypatch, name, sweep
):
    monkeypatch.setattr(row_logger, "find_spec", lambda package: None)
    done = command(*SMALL, *sweep, f"hydra/callbacks={name}")
    package = {"tensorboard": "tensorboardX"}.get(name, name)
    assert done.returncode == 2
    assert done.stderr == f"nnrep: hydra/callbacks: {package} is not installed; pip install {package}\n"
    assert list(tmp_path.iterdir()) == []


def test_modes_have_no_rows_to_log(command, tmp_path):
    done = command("modes", "hydra/callbacks=tensorboard")
    assert done.returncode == 2
    assert done.stderr == "nnrep: hydra/callbacks: must be left out, as nnrep modes has no rows to log\n"
    assert list(tmp_path.iterdir()) == []


def test_several_callbacks_stand_side_by_side(command, wandb, tmp_path):
    done = command(*SMALL, "hydra/callbacks=[wandb,tensorboard]")
    assert done.returncode == 0, done.stderr
    (name,) = {what[0] for what in wandb()}
    assert [path.name for path in (tmp_path / "outputs" / "tensorboard").iterdir()] == [name]
