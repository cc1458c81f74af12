"""Jobs of a sweep in worker processes: the rows, messages and statuses of a single process."""

import os
import pickle
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from host_devices import with_host_devices
from omegaconf import OmegaConf
from structure_texts import text

from nnrep.commands.jobs import Jobs, Task
from nnrep.commands.registry import COMMANDS as VERBS
from nnrep.config.compose import register_resolvers
from nnrep.errors import ConfigError
from nnrep.host import threads
from nnrep.host.threads import usable_cores
from nnrep.records.table import TIMES
from nnrep.sweep import hydra_jobs
from nnrep.sweep.engines import local
from nnrep.sweep.hydra_chunk import HydraChunk, HydraJob
from nnrep.sweep.hydra_jobs import count_of_workers

CLOCKS = [*TIMES, "modes_stored"]
TWO, ONE = "hydra.launcher.workers=2", "hydra.launcher.workers=1"
SMALL = ("system.n=20", "max_steps=200", "record.pictures=false", "threads=1")


def swept(path):
    return pd.read_csv(path / "runs.csv", dtype=str, keep_default_na=False)


def test_two_workers_give_the_table_of_one(nnrep, tmp_path):
    (tmp_path / "good.pdb").write_text(text(residues=3))
    (tmp_path / "bad.pdb").write_text("nothing")
    sweep = ("run", "-m", "system=protein", "reparam=none", "max_steps=20", "record.pictures=false")
    sweep += ("threads=1", "system.pdb=bad.pdb,good.pdb", "seeds=1,2")
    one, two = (nnrep(*sweep, each, f"hydra.sweep.dir={each[-1]}") for each in (ONE, TWO))
    assert (one.returncode, two.returncode) == (2, 2), two.stderr
    tables = [swept(tmp_path / name).drop(columns=CLOCKS) for name in "12"]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 5
    assert "launching 4 jobs, 2 at a time" in two.stderr
    messages = [
        sorted(line for line in done.stderr.splitlines() if line.startswith("nnrep: job"))
        for done in (one, two)
    ]
    assert messages[0] == messages[1]
    assert [line[:12] for line in messages[0]] == ["nnrep: job 0", "nnrep: job 1"]
    # What a job says on its way is said with its number.
    assert [line for line in two.stderr.splitlines() if line.startswith("job 2: ")]
    assert two.stdout.count("minimise") == 1


def test_a_failure_of_ours_comes_back_from_a_worker(nnrep, tmp_path):
    """An energy that cannot be written as a table: the other jobs run, then there is a traceback."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'nnrep.records.rows':\n"
        "            raise RuntimeError('a fault of ours')\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = nnrep("run", "-m", *SMALL, "reparam=none", "seeds=1,2", TWO, "hydra.sweep.dir=s", env=env)
    assert done.returncode == 1
    assert "RuntimeError: a fault of ours" in done.stderr
    assert "find_spec" in done.stderr  # the traceback of the worker
    rows = swept(tmp_path / "s")
    assert rows["status"].tolist() == ["failed"] * 2


def start(folder, *arguments):
    command = [sys.executable, "-m", "nnrep", "run", "-m", *arguments]
    return subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(condition, process):
    for _ in range(600):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.1)
    raise AssertionError("nothing came")


LONG = ("system.n=40", "reparam=none", "record.pictures=false", "threads=1", "schedule.fine.patience=1000000")
LONG += ("max_steps=2000000", "seeds=1", "system.loop_length=6,7,8")


@pytest.mark.slow
@pytest.mark.parametrize("to_group", [True, False], ids=["ctrl-c", "kill"])
def test_an_interrupted_sweep_keeps_what_there_is(nnrep, tmp_path, to_group):
    process = start(tmp_path, *LONG, TWO, "hydra.sweep.dir=s")
    begun = [tmp_path / "s" / str(job) / "config.yaml" for job in (0, 1)]
    wait_for(lambda: all(path.exists() for path in begun), process)
    if to_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "go on with hydra.sweep.dir=" in err
    assert swept(tmp_path / "s")["status"].tolist() == ["interrupted"] * 2
    assert not (tmp_path / "s" / "2").exists()
    assert out.count(" interrupted ") == 2


@pytest.mark.slow
def test_a_killed_worker_costs_no_job(tmp_path):
    process = start(tmp_path, *LONG, TWO, "hydra.sweep.dir=s")
    begun = [tmp_path / "s" / str(job) / "config.yaml" for job in (0, 1)]
    wait_for(lambda: all(path.exists() for path in begun), process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    wait_for(lambda: len(workers_of(process)) == 2, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "a worker was lost" in err
    assert set(swept(tmp_path / "s")["status"]) == {"interrupted"}


def workers_of(process):
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    workers = []
    for child in listed.stdout.split():
        with open(f"/proc/{child}/cmdline") as file:
            workers += [int(child)] if "spawn_main" in file.read() else []
    return workers


def test_a_job_whose_worker_was_lost_goes_on_in_its_folder():
    job = HydraJob(3, None, None, OmegaConf.create({"resume": False, "seeds": 2}))
    ((again,),) = [part.jobs for part in HydraChunk((job,)).parts()]
    assert again.config == {"resume": True, "seeds": 2}
    assert (again.number, job.config.resume) == (3, False)


def test_a_job_whose_workers_are_lost_is_a_failed_row(tmp_path):
    hydra = {"runtime": {"cwd": str(tmp_path)}, "sweep": {"dir": "s", "subdir": 1}, "job": {"num": 1}}
    (tmp_path / "s").mkdir()
    outcome = Task(VERBS["run"].hydra).lost(
        OmegaConf.create({"hydra": hydra, "seeds": 2}), "its worker was lost"
    )
    jobs = Jobs()
    jobs.take(outcome)
    assert (jobs.status(), outcome.folder) == (2, tmp_path / "s" / "1")
    (row,) = swept(tmp_path / "s").to_dict("records")
    assert (row["status"], row["error"]) == (
        "failed",
        "its worker was lost; the same command with resume=true goes on",
    )


@pytest.mark.parametrize("workers", ["0", "-1", "1.5", "two", "true"])
def test_workers_are_a_count(command, workers):
    done = command("run", "-m", *SMALL, "seeds=1,2", f"hydra.launcher.workers={workers}", "hydra.sweep.dir=s")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("nnrep: hydra.launcher.workers: must be a count")


def test_there_are_as_many_workers_as_cores_allow(monkeypatch):
    monkeypatch.setattr(hydra_jobs, "may_have_accelerator", lambda: False)
    monkeypatch.setattr(local, "usable_cores", lambda: 8)
    assert [count_of_workers(None, each, 100) for each in (None, 1, 3, 9)] == [8, 8, 2, 1]
    assert count_of_workers(None, None, 5) == 5
    with monkeypatch.context() as patch:
        patch.setattr("nnrep.host.memory.free_memory", lambda: 3.5e9)
        assert count_of_workers(None, 1, 100) == 3
        patch.setattr("nnrep.host.memory.free_memory", lambda: 1e8)
        assert count_of_workers(None, 1, 100) == 1
    assert count_of_workers(20, 1, 100) == 20
    monkeypatch.setattr(hydra_jobs, "may_have_accelerator", lambda: True)
    assert count_of_workers(None, 1, 100) == 1


def test_a_task_can_be_sent_to_a_new_process(tmp_path):
    """There it makes known what configurations take, which Hydra's launchers do not."""
    register_resolvers("run")
    sent = tmp_path / "task"
    sent.write_bytes(pickle.dumps(Task(VERBS["modes"].hydra, print)))
    script = (
        "import pickle, sys; task = pickle.load(open(sys.argv[1], 'rb')); from omegaconf import OmegaConf; "
        "print(task.take, OmegaConf.create({'a': '${twice:2}'}).a, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, sent], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "4", "False"]


@pytest.mark.skipif(usable_cores() == 1, reason="needs another number of threads than one")
def test_threads_that_the_environment_has_set_are_accepted(monkeypatch):
    monkeypatch.setattr(threads, "_set", [])
    for name in threads.VARIABLES:
        monkeypatch.setenv(name, "1")
    threads.limit_threads(1)
    monkeypatch.setattr(threads, "_set", [])
    with pytest.raises(ConfigError, match="loaded NumPy already"):
        threads.limit_threads(usable_cores())


@pytest.mark.slow
def test_jobs_with_a_device_each_give_the_table_of_one_process(nnrep, tmp_path):
    """Their seeds are on one device of the four; in one process they are on all of them."""
    sweep = ("run", "-m", *SMALL, "reparam=none,cg", "seeds=4")
    for place, keys in (("one", (ONE,)), ("devices", ("hydra.launcher.devices=2",))):
        done = nnrep(*sweep, *keys, f"hydra.sweep.dir={place}", env=with_host_devices(4))
        assert done.returncode == 0, done.stderr
    assert "launching 2 jobs on 2 devices" in done.stderr
    tables = [swept(tmp_path / place).drop(columns=CLOCKS) for place in ("one", "devices")]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 8
