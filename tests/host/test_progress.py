"""What a terminal shows while a run is at work: in 40 columns, with units, and at once."""

import io
import os
import pty
import sys
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

import nnrep
from nnrep import Monitor, Stage, Stopping, minimize
from nnrep.host import announcement, terminal
from nnrep.host.progress import NARROW, Pace, Progress, clock, long_line, short_line
from nnrep.reparam import identity

SEEN = Progress("cholesky", 1000, 20000, 118_000, 120_000, 3, -12134.21)


def test_forty_columns_hold_all_of_it():
    line = short_line(SEEN, "kJ/mol", 639.0)
    assert line == "cholesky 98% -12134.2 kJ/mol <10:39"
    assert len(line) <= 40
    assert short_line(SEEN._replace(stage_limit=0, energy=np.inf), "", None) == "cholesky 118000"


def test_words_stand_where_there_is_room():
    line = long_line(SEEN, "kJ/mol", 639.0)
    assert line == "118000/120000 steps  energy -12134.2 kJ/mol  ends within 10:39"
    assert long_line(SEEN._replace(energy=np.inf), "", None) == "118000/120000 steps"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_times_are_read_at_once(seconds, text):
    assert clock(seconds) == text


def test_the_end_is_that_of_the_stage_at_its_own_pace():
    pace = Pace()

    def left(stage, steps, now, limit=1000):
        return pace.seconds_left(Progress(stage, 0, 0, steps, limit, 1, 0.0), now)

    assert left("a", 100, 50.0) is None  # what came before, compilation for one, is no pace
    assert left("a", 200, 51.0) == pytest.approx(8.0)
    assert left("a", 600, 55.0) == pytest.approx(4.0)
    assert left("a", 700, 56.0, limit=700) == 0  # the others have stopped before their limit
    assert left("b", 100, 60.0) is None
    assert left("b", 200, 70.0) == pytest.approx(80.0)
    assert left("b", 150, 90.0) is None  # a stage of the same name
    assert left("b", 160, 91.0, limit=0) is None


def test_a_run_counts_the_steps_of_its_stage():
    seen: list[Progress] = []
    rule = Stopping(min_delta=0, patience=10**6, check_every=5)
    stages = [
        Stage(name, identity(), nnrep.sgd(0.1), rule, steps)
        for name, steps in (("a", 10), ("b", 20), ("b", 15))
    ]
    system = nnrep.System(energy=lambda x: (x**2).sum(), positions=np.ones((1, 1)))
    minimize(system, stages, seeds=2, max_steps=100, monitor=Monitor(on_progress=seen.append))
    ends = [now for now, then in pairwise(seen) if now.stage_steps > then.stage_steps]
    assert [(end.stage, end.stage_steps, end.stage_limit) for end in [*ends, seen[-1]]] == [
        ("a", 20, 20),
        ("b", 40, 40),
        ("b", 30, 30),
    ]
    assert seen[-1].steps == 90


@pytest.mark.parametrize("width", [40, NARROW, 120])
def test_a_terminal_of_any_width_shows_stage_energy_and_end(monkeypatch, width):
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "CONSOLE", Console(file=screen, force_terminal=True, width=width))
    with terminal.progress_bar("kJ/mol") as bar:
        bar.update(SEEN)
        bar.update(SEEN._replace(stage_steps=119_000))
        bar._progress.refresh()
        shown = screen.getvalue()
    line = [part for part in shown.replace("\r", "\n").splitlines() if "cholesky" in part][-1]
    for text in ("-12134.2 kJ/mol", "0:00", "99%" if width < NARROW else "119000/120000"):
        assert text in line or width == NARROW


def test_something_is_shown_before_anything_is_loaded(monkeypatch):
    """And is gone before anything else is shown."""
    from nnrep import cli

    reading, writing = pty.openpty()
    shown = []

    def main(arguments):
        shown.append(os.read(reading, 1000))
        print("an error", file=sys.stderr)
        return 0

    command = cli.COMMANDS["run"]._replace(main=main)
    monkeypatch.setattr(cli, "COMMANDS", {"run": command, "doctor": command._replace(takes_long=False)})
    with os.fdopen(writing, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(sys, "argv", ["nnrep", "run", "-m", "seeds=1,2"])
        with pytest.raises(SystemExit):
            cli.main()
        assert shown == [b"nnrep run: getting ready ..."]
        screen.flush()
        assert os.read(reading, 1000).endswith(announcement.ERASE.encode())
        announcement.withdraw()  # once is enough
    os.close(reading)


@pytest.mark.parametrize("arguments", [["run", "--help"], ["run", "--cfg", "job"]])
def test_nothing_is_announced_of_what_is_printed(monkeypatch, arguments):
    from nnrep import cli

    announced = []
    monkeypatch.setattr(cli, "announce", announced.append)
    command = cli.COMMANDS["run"]._replace(main=lambda _: 0)
    monkeypatch.setattr(cli, "COMMANDS", {"run": command})
    assert cli._answer(arguments) == 0
    assert announced == []
    cli._answer(["run", "system.n=30"])
    assert announced == ["nnrep run: getting ready"]
