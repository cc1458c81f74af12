"""What is made of Slurm's queue, with stand-ins for its program and for its answers."""

import os
import stat

import pytest
from slurm_answers import slurm_answers

from nnrep.sweep.engines import slurm
from nnrep.sweep.engines.slurm import SlurmQueue, queued_jobs


def stand_in(folder, monkeypatch, name, script):
    """A program of this name that comes first."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "jobs"),
    [
        ('test "$*" = "--noheader --user=$(id -u) --format=%A" && echo 7 && echo 12', {"7", "12"}),
        ('echo "7$SQUEUE_STATES"', {"7"}),
        ("true", set()),
        ("echo 7; exit 1", None),
        ("sleep 60", None),
    ],
)
def test_slurm_is_asked_for_the_jobs_in_its_queue(tmp_path, monkeypatch, script, jobs):
    monkeypatch.setattr(slurm, "ANSWER_SECONDS", 0.5 if "sleep" in script else 20)
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    stand_in(tmp_path, monkeypatch, "squeue", f"exec {script}" if "sleep" in script else script)
    assert queued_jobs() == jobs


def test_without_slurm_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queued_jobs() is None


def test_a_job_has_ended_after_two_looks_at_a_queue_without_it(monkeypatch):
    slurm_answers(monkeypatch, {"1", "2"}, {"1"}, None, {"1"}, {"1", "2"})
    queue = SlurmQueue()
    ended = [queue.ended(["1", "2"]) for _ in range(5)]
    assert ended == [set(), set(), set(), {"2"}, set()]


def test_the_queue_is_not_asked_for_all_the_time_nor_for_nothing(monkeypatch):
    asked = []
    monkeypatch.setattr(slurm, "queued_jobs", lambda: asked.append(1) or set())
    queue = SlurmQueue()
    assert queue.ended([]) == set()
    assert asked == []
    for _ in range(5):
        assert queue.ended(["1"]) == set()
    assert asked == [1]
