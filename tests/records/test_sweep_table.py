"""The table of a sweep of many jobs is not written after each of them."""

import pandas as pd
from omegaconf import OmegaConf

from nnrep.records import sweep_table
from nnrep.records.sweep_table import PAUSE, SweepTable


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def failing(table: SweepTable, job: int) -> None:
    table.add_failed(job, OmegaConf.create({}), "no")


def test_writing_takes_a_small_part_of_the_time(tmp_path, monkeypatch):
    clock, written = Clock(), []

    def write(path, rows):
        written.append(len(rows))
        clock.now += 0.01 * len(rows)  # as it takes the longer the more there are

    monkeypatch.setattr(sweep_table, "time", clock)
    monkeypatch.setattr(sweep_table, "write_table", write)
    table = SweepTable(tmp_path)
    for job in range(500):
        failing(table, job)
        clock.now += 1.0
    assert written[:5] == [1, 2, 3, 4, 5]  # small tables are written after each job
    assert 0.01 * sum(written) <= clock.now / PAUSE + 1
    table.close()
    assert written[-1] == 500


def test_whoever_shows_the_table_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_table, "PAUSE", 1e9)
    table = SweepTable(tmp_path)
    failing(table, 0)
    failing(table, 1)
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 1
    table.write()
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 2
