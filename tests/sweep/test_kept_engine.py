"""A cluster is opened once for all sweeps of a command, and again where it has to be."""

import pytest
from fake_engine import FakeEngine, FakeSettings

from nnrep.sweep.kept_engine import KeptEngine


class Opened:
    """Settings that count what is opened; with `processes` they are those of this machine."""

    def __init__(self, cores: int, processes: bool = False) -> None:
        self.cores, self.on_this_machine = cores, processes
        self.engines: list[FakeEngine] = []

    def open(self, threads, most):
        self.engines.append(FakeEngine(lambda work: None, workers=min(self.cores, most)))
        return self.engines[-1]


def workers_of(chosen: Opened, *sweeps: tuple[int, int]) -> list[int]:
    """How many workers each engine that was opened had; sweeps have threads and runs."""
    with KeptEngine(chosen) as kept:
        for threads, most in sweeps:
            with kept.at_work(threads, most) as engine:
                assert not engine.is_closed
    assert all(engine.is_closed for engine in chosen.engines)
    return [engine.workers for engine in chosen.engines]


def test_a_cluster_is_opened_once():
    assert workers_of(Opened(4), (1, 100), (1, 3), (1, 200)) == [4]


def test_a_small_cluster_is_opened_again_where_more_workers_are_wanted():
    assert workers_of(Opened(4), (1, 2), (1, 2), (1, 100), (1, 200)) == [2, 4]


def test_a_cluster_has_one_number_of_threads():
    assert workers_of(Opened(4), (1, 100), (2, 100), (2, 50)) == [4, 4]


def test_processes_begin_anew_for_each_sweep():
    assert workers_of(Opened(4, processes=True), (1, 100), (1, 3)) == [4, 3]


def test_nothing_is_opened_without_work():
    assert workers_of(Opened(4)) == []


def test_a_sweep_that_fails_closes_it():
    chosen = Opened(4)
    kept = KeptEngine(chosen)
    with pytest.raises(RuntimeError, match="ours"), kept.at_work(1, 10):
        raise RuntimeError("ours")
    assert chosen.engines[0].is_closed


def test_settings_are_those_of_engines():
    engine = FakeEngine(lambda work: None)
    with KeptEngine(FakeSettings(engine=engine)) as kept, kept.at_work(None, 1) as opened:
        assert opened is engine
    assert engine.is_closed
