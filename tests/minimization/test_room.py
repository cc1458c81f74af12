"""What does not fit into memory is refused; a run that is to stop does not wait for its steps."""

import threading

import pytest

import nnrep
from nnrep.errors import UserError
from nnrep.minimization import run as run_module
from nnrep.minimization.stage_run import StageRun


@pytest.fixture
def limit(monkeypatch):
    """A machine with so many bytes free."""
    return lambda free: monkeypatch.setattr("nnrep.host.memory.free_memory", lambda: free)


def system() -> nnrep.System:
    return nnrep.load_system("loop", n=40)


def test_replicas_are_as_many_as_fit(limit):
    limit(10**6)
    with pytest.raises(
        UserError, match=r"^seeds: 1000 replicas of 40 particles, .* choose at most [1-9]\d*$"
    ) as told:
        nnrep.minimize(system(), nnrep.reparam.identity(), seeds=1000, max_steps=100)
    most = int(str(told.value).split()[-1])
    nnrep.minimize(system(), nnrep.reparam.identity(), seeds=min(most, 2), max_steps=0)
    small = system()
    limit(100)
    with pytest.raises(UserError, match=r"^system: 1 replica of .* choose a smaller system or map$"):
        nnrep.minimize(small, nnrep.reparam.identity(), max_steps=100)


def test_a_history_that_no_system_could_have_is_named_by_its_steps(limit):
    stopping = nnrep.Stopping(check_every=1)
    stages = nnrep.two_stages(nnrep.reparam.identity(), stopping=stopping)
    given = system()
    limit(10**8)
    with pytest.raises(UserError, match=r"^max_steps: a history of 1000000001 checks .* choose fewer, or a"):
        nnrep.minimize(given, stages, max_steps=10**9)


def test_a_map_counts(limit):
    free = 10**6
    limit(free)
    large = nnrep.reparam.graph(nnrep.slow_modes(system(), 4), hidden=10_000)
    with pytest.raises(UserError, match=r"^system: 1 replica of 40 particles, with map and history"):
        nnrep.minimize(system(), large, max_steps=100)


def test_frames_are_as_many_as_fit(limit):
    limit(10**7)
    monitor = nnrep.Monitor(record_every=20)
    refused = r"^record\.every: up to 50001 frames .* choose at least [1-9]\d*, or less max_steps$"
    with pytest.raises(UserError, match=refused):
        nnrep.minimize(system(), nnrep.reparam.identity(), max_steps=1_000_000, monitor=monitor)


def test_a_run_that_is_to_stop_does_not_wait_for_a_chunk_of_steps_and_keeps_those_before(monkeypatch):
    monkeypatch.setattr(run_module, "PATIENCE_SECONDS", 0.01)
    release, stop = threading.Event(), threading.Event()
    step, chunks = StageRun.run, []

    def slow(self, group, checks):
        chunks.append(checks)
        if len(chunks) == 4:  # after that which compiles
            stop.set()
            release.wait()
        return step(self, group, checks)

    monkeypatch.setattr(StageRun, "run", slow)
    try:
        result = nnrep.minimize(
            system(),
            nnrep.reparam.identity(),
            max_steps=10_000,
            monitor=nnrep.Monitor(should_stop=stop.is_set),
        )
    finally:
        release.set()
    assert [status.name for status in result.status] == ["interrupted"]
    assert 0 < result.evaluations[0] < 10_000
    assert result.energy[0] < result.energy_start[0]
