"""`nnrep explore`: what a search leaves, going on after an interruption, several processes, bad input."""

import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from structure_texts import text
from walks import options, search_of_wells

from nnrep.commands import explore_job
from nnrep.config.explore_choices import with_explore_choices
from nnrep.exploration.replicas import ReplicaExchange
from nnrep.exploration.round import Order
from nnrep.exploration.search import Search
from nnrep.host import counting
from nnrep.host.terminal import log

# Thirteen particles; dynamics and quenches of no time.
CLUSTER = (
    *("system=cluster", "system.n=13", "explore.temperatures_k=[0.15,0.25,0.35]", "explore.quench_every=500"),
    "precision=float64",
)
TABLES = {
    *("config.yaml", "exploration.csv", "minima.csv", "quenches.csv", "exchange.csv"),
    *("positions.npz", "checkpoint.npz"),
}
PICTURES = {"funnel.png", "funnel.pdf", "search.png", "search.pdf"}
LJ13 = -44.326801


def without_times(path):
    return pd.read_csv(path).drop(columns="time_s", errors="ignore")


def same_search(one, other):
    for name in ("minima.csv", "quenches.csv", "exchange.csv"):
        pd.testing.assert_frame_equal(without_times(one / name), without_times(other / name))


def test_the_lowest_minimum_of_a_cluster_is_found_from_several_ladders(command, tmp_path):
    done = command(
        "explore", *CLUSTER, "explore.steps=10000", "seeds=2", "explore.workers=1", "hydra.run.dir=out"
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    trajectories = {"trajectory-0.xyz", "trajectory-1.xyz"}
    assert {path.name for path in out.iterdir()} == TABLES | PICTURES | trajectories
    minima, quenches = pd.read_csv(out / "minima.csv"), pd.read_csv(out / "quenches.csv")
    assert minima["energy"][0] == pytest.approx(LJ13, abs=1e-6)
    assert minima["energy"].is_monotonic_increasing
    assert (minima["energy"].diff().dropna() > 1e-3 - 1e-9).all()  # distinct
    assert quenches.groupby("seed").size().tolist() == [1 + 3 * 20] * 2
    assert sorted(quenches["temperature"].dropna().unique()) == [0.15, 0.25, 0.35]
    exchange = pd.read_csv(out / "exchange.csv")
    assert exchange["attempts"].dropna().tolist() == [20, 20] * 2  # every other of 40 exchanges
    assert exchange["acceptance"].dropna().between(0, 1).all()
    summary = pd.read_csv(out / "exploration.csv").iloc[0]
    assert (summary["ended"], summary["steps"], summary["seeds"]) == ("steps", 2 * 3 * 10_000, 2)
    with np.load(out / "positions.npz") as arrays:
        assert arrays["minima"].shape == (len(minima), 13, 3)
    assert str(out) == done.stdout.splitlines()[0]
    assert f"{len(minima)} minima of 122 quenches" in done.stdout.splitlines()[-1]
    assert command("report", "out").returncode == 0
    page = (out / "report.html").read_text()
    assert "Exchange between temperatures" in page
    assert "minimum 1" in page


def test_an_interrupted_search_goes_on_to_the_same_numbers(command, tmp_path, monkeypatch):
    short = (*CLUSTER, "explore.steps=2000", "record.pictures=false")
    assert command("explore", *short, "hydra.run.dir=whole").returncode == 0
    stopped = explore_job.searched

    def after_one_round(search: Search, explorer, should_stop, on_progress):
        return stopped(search, explorer, lambda: search.ladders[0].step >= 500, on_progress)

    def at_once(search, explorer, should_stop, on_progress):
        return stopped(search, explorer, lambda: True, on_progress)

    with monkeypatch.context() as patch:
        patch.setattr(explore_job, "searched", at_once)
        done = command("explore", *short, "hydra.run.dir=parts")
    assert done.returncode == 130
    assert done.stdout.splitlines()[-1].startswith("0 minima of 0 quenches")
    with monkeypatch.context() as patch:
        patch.setattr(explore_job, "searched", after_one_round)
        done = command("explore", *short, "hydra.run.dir=parts", "resume=true")
    assert done.returncode == 130
    assert "go on with hydra.run.dir=" in done.stderr
    parts = tmp_path / "parts"
    assert len(pd.read_csv(parts / "quenches.csv")) == 1 + 3
    assert (parts / "checkpoint.npz").exists()
    done = command("explore", *short, "hydra.run.dir=parts", "resume=true")
    assert done.returncode == 0, done.stderr
    same_search(tmp_path / "whole", parts)
    again = command("explore", *short, "hydra.run.dir=parts", "resume=true")
    assert "is complete; nothing to resume" in again.stderr
    assert again.stdout.splitlines()[-1].startswith(done.stdout.splitlines()[-1][:20])
    refused = command("explore", *short, "hydra.run.dir=parts")
    assert refused.returncode == 2
    assert "holds the results of a run" in refused.stderr
    refused = command("run", "system=loop", "max_steps=20", "hydra.run.dir=parts")
    assert refused.returncode == 2


def test_a_search_that_has_ended_goes_on_with_a_longer_limit(command, tmp_path, monkeypatch):
    short = (*CLUSTER, "record.pictures=false")
    assert command("explore", *short, "explore.steps=1500", "hydra.run.dir=whole").returncode == 0
    out, longer = tmp_path / "out", (*short, "explore.steps=1500", "hydra.run.dir=out", "resume=true")
    assert command("explore", *short, "explore.steps=500", "hydra.run.dir=out").returncode == 0
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    for reached in (["explore.steps=500"], ["explore.steps=1500", "explore.time_limit_s=1e-6"]):
        same = command("explore", *short, *reached, *longer[-2:])
        assert same.returncode == 0
        assert "is complete; nothing to resume (it goes on with a longer" in same.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files

    stopped = explore_job.searched

    def after_one_round(search, explorer, should_stop, on_progress):
        return stopped(search, explorer, lambda: search.ladders[0].step >= 1000, on_progress)

    with monkeypatch.context() as patch:
        patch.setattr(explore_job, "searched", after_one_round)
        done = command("explore", *longer)
    assert done.returncode == 130
    assert "interrupted, with the tables as they were before it went on" in done.stderr
    changed = {path.name for path in out.iterdir() if path.read_bytes() != files.get(path.name)}
    assert changed == {"checkpoint.npz"}  # the rest is that of the search that ended
    done = command("explore", *longer)
    assert done.returncode == 0, done.stderr
    same_search(tmp_path / "whole", out)
    (out / "checkpoint.npz").unlink()
    done = command("explore", *short, "explore.steps=5000", *longer[-2:])
    assert done.returncode == 0
    assert "without its checkpoint.npz it cannot go on" in done.stderr


@pytest.mark.slow
def test_a_signal_ends_a_search_and_leaves_what_there_is(tmp_path):
    words = (*CLUSTER, "seeds=2", "explore.workers=2", "threads=1", "hydra.run.dir=out")
    out, arguments = tmp_path / "out", [sys.executable, "-m", "nnrep", "explore", *words]
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    while not (out / "checkpoint.npz").exists() and time.monotonic() < began + 240:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "go on with hydra.run.dir=" in errors
    quenches = pd.read_csv(out / "quenches.csv")
    assert quenches["seed"].nunique() >= 1
    assert pd.read_csv(out / "exploration.csv")["ended"].tolist() == ["interrupted"]
    assert (out / "checkpoint.npz").exists()


@pytest.mark.slow
def test_ladders_in_processes_give_the_same_numbers(command, nnrep, tmp_path):
    short = (*CLUSTER, "explore.steps=1000", "record.pictures=false", "seeds=3", "threads=1")
    assert nnrep("explore", *short, "explore.workers=1", "hydra.run.dir=one").returncode == 0
    done = nnrep("explore", *short, "explore.workers=2", "hydra.run.dir=two")
    assert done.returncode == 0, done.stderr
    same_search(tmp_path / "one", tmp_path / "two")


def test_no_more_processes_are_begun_than_there_are_ladders(command, monkeypatch):
    monkeypatch.delattr(explore_job, "LocalEngine")
    done = command("explore", *CLUSTER, "explore.steps=500", "explore.workers=7", "record.pictures=false")
    assert done.returncode == 0, done.stderr


def test_a_process_that_is_to_stop_before_it_is_ready_has_no_round(monkeypatch):
    def stopped(work):
        raise KeyboardInterrupt

    monkeypatch.setattr(explore_job.OrderOf, "_explorer", stopped)
    level = log().level
    try:
        assert explore_job.OrderOf(None, Order(0, None))() is None
    finally:
        log().setLevel(level)


def test_a_process_counts_the_steps_of_its_round(monkeypatch):
    _, explorer = search_of_wells(options(steps=10))
    monkeypatch.setattr(explore_job.OrderOf, "_explorer", lambda work: explorer)
    counter = SimpleNamespace(value=7)
    monkeypatch.setattr(counting, "_counters", [counter])
    level = log().level
    try:
        start = explore_job.OrderOf(None, Order(0, None))()
        assert counter.value == 7
        explore_job.OrderOf(None, Order(0, start.state))()
    finally:
        log().setLevel(level)
    assert counter.value == 7 + 10


@pytest.fixture
def _peptide(tmp_path):
    (tmp_path / "peptide.pdb").write_text(text(residues=2))


@pytest.mark.usefixtures("_peptide")
def test_a_peptide_is_searched_from_its_extended_chain(command, tmp_path):
    words = ("system.pdb=peptide.pdb", "system.start=extended", "explore.temperatures_k=[300,350]")
    lengths = ("explore.exchange_every=50", "explore.quench_every=100", "explore.steps=200")
    more = ("explore.finished_minima=2", "reparam=torsion", "report=true", "hydra.run.dir=out")
    done = command("explore", *words, *lengths, *more)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    assert names >= TABLES | PICTURES | {"native.pdb", "native-minimised.pdb", "minimum-1.pdb", "report.html"}
    assert "trajectory-0.dcd" in names
    minima = pd.read_csv(out / "minima.csv")
    terms = [name for name in minima.columns if name.startswith("energy_")]
    assert len(terms) >= 5
    assert minima[terms].iloc[0].sum() == pytest.approx(minima["energy"][0], rel=1e-9)
    assert minima["finished"].tolist()[:2] == [True] * min(2, len(minima))
    assert (minima["gradient_rms"][minima["finished"]] < 0.5).all()
    assert {"rmsd_heavy", "radius_of_gyration"} <= set(minima.columns)
    summary = pd.read_csv(out / "exploration.csv").iloc[0]
    assert summary["native_energy"] < 0
    assert summary["n_residues"] == 2
    assert "RMSD heavy atoms" in done.stdout
    (out / "minimum-9.pdb").touch()  # of a list that was longer
    done = command("explore", *words, *lengths, *more, "explore.steps=300", "resume=true")
    assert done.returncode == 0, done.stderr
    assert not (out / "minimum-9.pdb").exists()
    assert len(pd.read_csv(out / "quenches.csv")) == 1 + 2 * 3


@pytest.mark.usefixtures("_peptide")
def test_dynamics_that_diverge_leave_what_there_was(command, tmp_path):
    lengths = ("explore.exchange_every=50", "explore.quench_every=100", "explore.time_step_fs=40")
    words = ("system.pdb=peptide.pdb", "explore.temperatures_k=[300]", *lengths, "hydra.run.dir=out")
    done = command("explore", *words, "explore.steps=100", "record.pictures=false")
    assert done.returncode == 1
    assert "a replica flew apart; choose a shorter explore.time_step_fs" in done.stderr
    summary = pd.read_csv(tmp_path / "out" / "exploration.csv").iloc[0]
    assert (summary["ended"], summary["diverged"]) == ("diverged", 1)
    longer = command("explore", *words, "explore.steps=200", "record.pictures=false", "resume=true")
    assert longer.returncode == 1
    assert "is complete; nothing to resume (all ladders have diverged" in longer.stderr


def test_a_ladder_that_diverges_leaves_the_others_alone(command, tmp_path, monkeypatch):
    advance = ReplicaExchange.advance

    def apart(sampler, state, steps):
        state, frames = advance(sampler, state, steps)
        if state.key[1] == 1 and state.step >= 1000:
            frames = frames._replace(positions=np.full_like(frames.positions, np.nan))
        return state, frames

    monkeypatch.setattr(ReplicaExchange, "advance", apart)
    short = (*CLUSTER, "record.pictures=false", "seeds=2", "explore.workers=1")
    assert command("explore", *short, "explore.steps=2000", "hydra.run.dir=whole").returncode == 0
    for steps in (1500, 2000):  # it goes on as well
        resumed = (f"explore.steps={steps}", "hydra.run.dir=out", "resume=true")
        done = command("explore", *short, *resumed)
        assert done.returncode == 0, done.stderr
        assert "ladder of seed 1: a replica flew apart; choose a shorter explore.time_step_fs" in done.stderr
        assert "(steps; 1 of 2 ladders diverged)" in done.stdout
        summary = pd.read_csv(tmp_path / "out" / "exploration.csv").iloc[0]
        assert (summary["ended"], summary["diverged"]) == ("steps", 1)
        quenches = pd.read_csv(tmp_path / "out" / "quenches.csv")
        assert quenches.groupby("seed")["step"].max().tolist() == [steps, 1000]
    same_search(tmp_path / "whole", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("system=cluster", "system.n=13"),
            "explore.temperatures_k: must be given for a system",
        ),
        (
            ("system=loop", "system.n=1000000000"),  # before it is built
            "system.repulsion: must be exact, as every step must see the energy that is reported",
        ),
        (
            ("system=loop", "system.repulsion=fast", "explore.temperatures_k=[0.1]"),
            "system.repulsion: must be exact, as every step must see the energy that is reported, got fast",
        ),
        (("optimizer=lbfgs", "explore.quench_every=60"), "explore.quench_every: must be a multiple of"),
        (("explore.temperatures_k=[]",), "explore.temperatures_k: must be positive and rising, at least one"),
        (("explore.same=1",), "explore.same: must be a group of values"),
        (("explore.temperatures=[300]",), "explore.temperatures: unknown key (did you mean temperatures_k?)"),
        (("baseline=openmm_minimizer",), "baseline: must be none"),
        (("record.every=20",), "record.every: must be null"),
        (("analysis.drawn=3",), "analysis.drawn: must be 6"),
        (("explore.quench.map_steps=3",), "explore.quench.map_steps: must be 200, as reparam=none is no map"),
        (("modes.of=graph",), "modes.of: must be backbone"),
        ((*CLUSTER, "explore.steps=3000000000"), "explore.steps: must be from 1 to 2000000000, or null"),
        (("explore.min_delta=1",), "explore.min_delta: must be null, as explore.patience is null"),
        (("explore.outer_every=4", "explore.exchange_every=100"), "explore.outer_every: must be 1"),
        ((*CLUSTER, "explore.same.rmsd=2"), "explore.same.rmsd: must be null, as particles"),
        (
            ("system=loop", "system.repulsion=exact", "explore.container_radius=3"),
            "explore.container_radius: must be null, as particles",
        ),
        ((*CLUSTER, "explore.container_radius=0"), "explore.container_radius: must be positive, or null"),
        ((*CLUSTER, "explore.hydrogen_mass_dalton=2"), "explore.hydrogen_mass_dalton: must be 6"),
        (("hydra/callbacks=tensorboard",), "nnrep explore has no rows to log"),
    ],
)
def test_bad_input_is_one_line(command, tmp_path, words, line):
    done = command("explore", *words, "hydra.run.dir=out")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert line in done.stderr
    assert not (tmp_path / "out").exists()


def test_keys_of_a_search_are_refused_by_a_run(command):
    done = command("run", "explore.steps=100")
    assert done.returncode == 2
    assert "explore" in done.stderr


def test_help_has_the_choices_of_the_verb_and_their_keys(command):
    done = command("explore", "--help", "system=cluster")
    assert done.returncode == 0
    assert "# Steps after which the frames of all replicas are quenched" in done.stdout
    assert "usage: nnrep explore" in done.stdout
    assert "explore: replica_exchange" in done.stdout
    assert "explore:" not in command("run", "--help").stdout


def test_a_verb_begins_with_its_own_choices():
    own = [
        "system=protein",
        "+explore=replica_exchange",
        "reparam=none",
        "optimizer=lbfgs",
        "schedule=relaxed",
    ]
    assert with_explore_choices([]) == own
    assert with_explore_choices(["system=cluster", "reparam=torsion"]) == [
        *("+explore=replica_exchange", "optimizer=lbfgs", "schedule=paper", "schedule.fine.rms_force=1e-5"),
        *("system=cluster", "reparam=torsion"),
    ]
    assert with_explore_choices(["system=loop", "explore.quench.steps=9"]) == [
        *("+explore=replica_exchange", "reparam=none", "optimizer=lbfgs", "schedule=paper"),
        *("schedule.fine.rms_force=1e-7", "optimizer.learning_rate=0.1"),
        *("system=loop", "explore.quench.steps=9"),
    ]
    for chosen in ("explore=mine", "+explore=mine"):  # Hydra's sign of what is added may be left out
        assert with_explore_choices([chosen]) == ["system=protein", *own[2:], "+explore=mine"]


def test_a_sweep_over_systems_has_the_choices_of_all_of_them(command):
    assert with_explore_choices(["system=protein,molecule"])[-2:] == [
        "schedule=relaxed",
        "system=protein,molecule",
    ]
    result = command("explore", "--multirun", "system=loop,cluster")
    assert result.returncode == 2
    message = "system: must be systems that have one schedule by default, or one system, got loop,cluster"
    assert result.stderr == f"nnrep: {message}\n"


def test_a_job_of_a_sweep_has_its_ladders_in_its_own_process(monkeypatch):
    monkeypatch.setattr(explore_job, "parent_process", lambda: "a sweep")
    monkeypatch.setattr(explore_job, "runs_on_cpu", lambda: True)
    monkeypatch.setattr(explore_job, "workers_that_fit", lambda threads: 5)
    assert explore_job.processes_for(1) == 1


@pytest.mark.parametrize(("on_cpu", "count"), [(True, 5), (False, 1)])
def test_ladders_have_processes_of_their_own_where_they_share_no_accelerator(monkeypatch, on_cpu, count):
    monkeypatch.setattr(explore_job, "runs_on_cpu", lambda: on_cpu)
    monkeypatch.setattr(explore_job, "workers_that_fit", lambda threads: 10 // threads)
    assert explore_job.processes_for(threads=2) == count
