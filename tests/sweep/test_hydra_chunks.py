"""Jobs of a Hydra sweep go to an engine in chunks of one shape; each of them is a job of its own."""

from concurrent.futures import Future

import pytest
from fake_engine import FakeEngine, GoneError
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from nnrep.sweep import hydra_chunk
from nnrep.sweep.hydra_chunk import Returned
from nnrep.sweep.hydra_jobs import run_on_engine


class Told:
    """In the place of the task of a command: what it is told."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def take(self, value) -> None:
        self.values.append(value)

    def lost(self, config, reason):
        return f"{config.name} lost"


def jobs(*shapes: str):
    """A job for each letter, which stands for what decides its programs."""
    return [
        (number, OmegaConf.create({"system": {"name": shape}, "name": f"{shape}{number}", "resume": False}))
        for number, shape in enumerate(shapes)
    ]


@pytest.fixture(autouse=True)
def _without_hydra(monkeypatch):
    """A job's value is its name; jobs called x raise what Hydra keeps for its value."""

    def run(context, task, config, log_as_hydra):
        made = JobReturn(cfg=config, status=JobStatus.COMPLETED)
        made.return_value = f"{config.name}{' resumed' if config.resume else ''}"
        return made

    monkeypatch.setattr(hydra_chunk, "run_hydra_job", run)
    monkeypatch.setattr(hydra_chunk, "setup_globals", lambda: None)


def ran(engine, *shapes: str, chunk: int = 10):
    told = Told()
    returned = run_on_engine(engine, None, told, jobs(*shapes), chunk)
    assert engine.is_closed
    assert [each.return_value for each in returned] == sorted(told.values, key=number_of)
    return told.values


def number_of(value: str) -> int:
    return int("".join(filter(str.isdigit, value)))


def sent(engine) -> list[str]:
    return [" ".join(job.config.name for job in work.jobs) for work in engine.submitted]


def test_a_chunk_has_jobs_of_one_shape():
    engine = FakeEngine(lambda work: work(), workers=2)
    assert sorted(ran(engine, *"abababab", chunk=3)) == ["a0", "a2", "a4", "a6", "b1", "b3", "b5", "b7"]
    assert sorted(sent(engine)) == ["a0 a2 a4", "a6", "b1 b3 b5", "b7"]


def test_a_few_jobs_are_spread_over_all_workers():
    engine = FakeEngine(lambda work: work(), workers=3)
    ran(engine, *"aaaaaa")
    assert sorted(sent(engine)) == ["a0 a1", "a2 a3", "a4 a5"]


def test_jobs_are_sent_alone_if_that_is_wanted():
    engine = FakeEngine(lambda work: work(), workers=2)
    ran(engine, *"aaa", chunk=1)
    assert sorted(sent(engine)) == ["a0", "a1", "a2"]


def test_after_a_lost_worker_jobs_go_on_one_by_one_and_only_the_one_at_fault_is_given_up():
    def do(work):
        if any(job.number == 1 for job in work.jobs):
            raise GoneError
        return work()

    engine = FakeEngine(do, workers=1)
    values = ran(engine, *"aaa")
    assert sorted(values) == ["a0 resumed", "a1 lost", "a2 resumed"]
    assert sent(engine) == ["a0 a1 a2", "a0", "a1", "a2", "a1"]


def test_jobs_of_a_chunk_that_is_stopped_are_kept_as_far_as_they_came(monkeypatch):
    begun = []

    def stopping(work):
        monkeypatch.setattr(hydra_chunk, "stop_requested", lambda: len(begun) == 2)
        monkeypatch.setattr(
            hydra_chunk.HydraJob, "__call__", lambda job: begun.append(job.number) or returned_of(job)
        )
        return work()

    engine = FakeEngine(stopping, workers=1)
    told = Told()
    run_on_engine(engine, None, told, jobs(*"aaaa"), 10)
    assert (begun, told.values) == ([0, 1], ["a0", "a1"])


def returned_of(job) -> Returned:
    made = JobReturn(cfg=job.config, status=JobStatus.COMPLETED)
    made.return_value = job.config.name
    return Returned(job.number, made, [])


def test_an_interrupted_sweep_says_so(monkeypatch):
    class Waiting(FakeEngine):
        """Its work ends once it is cancelled."""

        def submit(self, work):
            self.submitted.append(work)
            self.future: Future = Future()
            return self.future

        def cancel(self):
            super().cancel()
            self.future.set_result([])

    monkeypatch.setattr("nnrep.host.interruption.Interruption.requested", lambda self: True)
    engine = Waiting(lambda work: None, workers=1)
    engine.future = Future()
    with pytest.raises(KeyboardInterrupt):
        run_on_engine(engine, None, Told(), jobs(*"aa"), 10)
    assert engine.is_closed
