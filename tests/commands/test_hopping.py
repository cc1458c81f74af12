"""`schedule=hopping` from the command line."""

import pandas as pd
import pytest

CLUSTER = ("run", "system=cluster", "system.n=7")


def test_it_finds_the_lowest_minimum_of_seven(command, tmp_path):
    done = command(*CLUSTER, "schedule=hopping", "max_steps=5000", "seeds=2", f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "run" / "runs.csv")
    assert rows["energy"].tolist() == pytest.approx([-16.505384] * 2, abs=1e-4)
    assert set(rows["status"]) == {"converged"}
    assert set(rows["schedule"]) == {"hopping"}
    assert (rows["steps_coarse"] == 4000).all()
    assert (tmp_path / "run" / "layout.png").exists()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("schedule.size=0", "schedule.size: must be positive"),
        ("schedule.temperature=-1", "schedule.temperature: must be zero or positive"),
        ("schedule.rms_force=0", "schedule.rms_force: must be positive"),
        ("schedule.last=-1", "schedule.last: must be from 0"),
        ("schedule.surface=1", "schedule.surface: must be a share from 0"),
        ("system.n=1", "system.n: must be at least 2"),
    ],
)
def test_a_value_out_of_range_is_one_line(command, tmp_path, override, line):
    done = command(*CLUSTER, "schedule=hopping", override, f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()
