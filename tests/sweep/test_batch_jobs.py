"""Jobs of a batch system as Dask's workers: those that end, are refused, or end again and again."""

import asyncio

import pytest
from slurm_answers import slurm_answers

from nnrep.errors import UserError

dask_jobs = pytest.importorskip("nnrep.sweep.engines.dask_jobs", exc_type=ImportError)
BatchJobs, VAIN = dask_jobs.BatchJobs, dask_jobs.VAIN


class Job:
    def __init__(self, number):
        self.job_id = number


class Cluster:
    """Jobs get numbers; those of `refused` none, and the batch system's words."""

    def __init__(self, refused=()):
        self.workers, self.worker_spec, self.refused = {}, {}, refused
        self.scheduler_info = {"workers": {}}
        self.names = 0

    def sync(self, function, *arguments):
        return asyncio.run(function(*arguments))

    def new_worker_spec(self):
        self.names += 1
        return {self.names: {}}

    def __await__(self):
        fresh = self.worker_spec.keys() - self.workers.keys()
        self.workers |= {name: Job(None if name in self.refused else str(name)) for name in fresh}
        if fresh & set(self.refused):
            raise RuntimeError("Exit code: 1\nstdout:\n\nstderr:\nsbatch: error: invalid partition\n\n")
        yield from ()


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(dask_jobs, "FILL_SECONDS", 0.0)
    return Cluster()


def test_jobs_that_have_ended_are_begun_again_under_new_names(cluster, monkeypatch, tmp_path):
    jobs = BatchJobs(cluster, 3, True, tmp_path)
    assert set(cluster.workers) == {1, 2, 3}
    slurm_answers(monkeypatch, {"1", "2", "3"}, {"1", "3"}, {"1", "3"}, {"1", "3", "4"})
    for _ in range(4):
        jobs.fill()
    assert set(cluster.workers) == set(cluster.worker_spec) == {1, 3, 4}


def test_a_worker_that_dask_gives_up_is_begun_again(cluster, tmp_path):
    jobs = BatchJobs(cluster, 2, False, tmp_path)
    del cluster.workers[1]
    jobs.fill()
    assert set(cluster.workers) == set(cluster.worker_spec) == {2, 3}


def test_what_is_refused_at_first_is_an_error_and_later_tried_again(monkeypatch, tmp_path):
    monkeypatch.setattr(dask_jobs, "FILL_SECONDS", 0.0)
    with pytest.raises(UserError, match=r"^engine=dask: sbatch: error: invalid partition$"):
        BatchJobs(Cluster(refused={1}), 1, False, tmp_path)
    cluster = Cluster(refused={2})
    jobs = BatchJobs(cluster, 1, False, tmp_path)
    cluster.workers.clear()
    jobs.fill()
    jobs.fill()
    assert [job.job_id for job in cluster.workers.values()] == ["3"]


def test_jobs_that_end_again_and_again_are_given_up_unless_one_works(cluster, tmp_path):
    jobs = BatchJobs(cluster, 2, False, tmp_path)
    (tmp_path / "worker.err").write_text("begins\nmodule: command not found\n\n")
    cluster.scheduler_info["workers"] = {"tcp://a:1": {}}
    for _ in range(3 * VAIN):
        cluster.workers.clear()
        jobs.fill()
    cluster.scheduler_info["workers"] = {}
    for _ in range(VAIN - 1):  # the last time that one works counts as well
        cluster.workers.clear()
        jobs.fill()
    cluster.workers.clear()
    with pytest.raises(UserError, match=r"^engine=dask: its jobs end .*: module: command not found$"):
        jobs.fill()


def test_jobs_that_are_refused_again_and_again_are_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(dask_jobs, "FILL_SECONDS", 0.0)
    cluster = Cluster(refused=range(2, 100))
    jobs = BatchJobs(cluster, 1, False, tmp_path)
    cluster.workers.clear()
    for _ in range(VAIN):
        jobs.fill()
    with pytest.raises(UserError, match=r": sbatch: error: invalid partition$"):
        jobs.fill()


def test_a_refusal_is_what_the_batch_system_says():
    assert dask_jobs.refusal("Command exited\nstderr:\nsbatch: error: no\n\n") == "sbatch: error: no"
    assert dask_jobs.refusal("no program") == "no program"
