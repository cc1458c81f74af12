"""Reproductions that are killed, interrupted or disturbed, and go on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from small_reproduction import SHORT, TABLES, TINY, same_tables

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="lists processes by /proc")


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig2", *SHORT, *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_rows(process: subprocess.Popen, path: Path, count: int) -> None:
    while not path.exists() or len(pd.read_csv(path)) < count:
        assert process.poll() is None
        time.sleep(0.05)


def resume(call) -> subprocess.CompletedProcess:
    result = call("reproduce", "fig2", *SHORT, "results_dir=r", "resume=true")
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.slow
def test_a_killed_sweep_loses_only_the_runs_it_was_in(whole, nnrep, command, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 3)
    process.kill()
    process.communicate()
    kept = pd.read_csv(folder / "runs.csv", dtype=str)
    assert 3 <= len(kept) < 12
    result = command("reproduce", "fig2", *SHORT, "results_dir=r")
    assert result.returncode == 2
    assert "holds unfinished results (runs.csv, commands.csv); add resume=true" in result.stderr
    assert len(pd.read_csv(folder / "runs.csv")) == len(kept)
    assert f"12 runs, {len(kept)} of them done" in resume(nnrep).stderr
    same_tables(folder, whole)
    done = pd.read_csv(folder / "runs.csv", dtype=str).set_index("run_id")
    kept = kept.set_index("run_id")  # in the order in which the runs ended, which workers do not fix
    pd.testing.assert_frame_equal(done.loc[kept.index], kept)
    commands = pd.read_csv(folder / "commands.csv")
    assert len(commands) == 2  # the one that was killed as well, but perhaps for its last run
    assert commands["workers"].notna().all()
    assert 11 <= commands["runs"].sum() <= 12


def test_a_report_is_written_for_runs_that_are_all_there(whole, command, tmp_path):
    """As after a kill between the last run and the report; and again, for new claims or pictures."""
    folder = tmp_path / "r" / "fig2"
    shutil.copytree(whole, folder)
    for name in TABLES[1:]:
        (folder / name).unlink()
    resume(command)
    same_tables(folder, whole)
    assert "12 runs are of commands that are not recorded here" in (folder / "REPORT.md").read_text()
    before = {name: (folder / name).read_bytes() for name in ("runs.csv", "summary.csv", "REPORT.md")}
    (folder / "fig2.png").unlink()
    resume(command)
    assert (folder / "fig2.png").exists()
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_finished_reproduction_that_is_extended_and_killed_is_unfinished(whole, command, tmp_path):
    """And has no workers any more."""
    folder = tmp_path / "r" / "fig2"
    shutil.copytree(whole, folder)
    process = start(tmp_path, "results_dir=r", "seeds=50", "resume=true")
    wait_for_rows(process, folder / "runs.csv", 14)
    process.kill()
    process.communicate()
    wait_for_workers_to_end(process)
    assert not (folder / "REPORT.md").exists()
    result = command("reproduce", "fig2", *SHORT, "results_dir=r")
    assert result.returncode == 2
    assert "add resume=true" in result.stderr
    assert len(pd.read_csv(folder / "runs.csv")) >= 14


@pytest.mark.slow
def test_two_commands_do_not_share_a_folder_and_a_terminated_one_is_interrupted(command, tmp_path):
    process = start(tmp_path, "results_dir=r", "seeds=200")
    wait_for_rows(process, tmp_path / "r" / "fig2" / "runs.csv", 1)
    second = command("reproduce", "fig2", *SHORT, "results_dir=r", "resume=true")
    os.killpg(process.pid, signal.SIGTERM)  # as batch systems do it: the command and its workers
    _, errors = process.communicate(timeout=60)
    assert second.returncode == 2
    assert "another nnrep is at work here" in second.stderr
    assert process.returncode == 130, errors
    assert "resume=true goes on" in errors


@pytest.mark.slow
@needs_proc
def test_a_killed_worker_costs_no_run(whole, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 1)
    os.kill(max(pid for pid in processes_of(process.pid) if pid != process.pid), signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "a worker was lost" in errors
    same_tables(folder, whole)
    assert not (folder / "failed.csv").exists()


def test_an_interruption_does_not_wait_for_a_start_that_is_simulated(tmp_path):
    long = ("system.start=unfolded", "system.pdb=null", "system.unfold.steps=2000000000")
    options = (*TINY, "profile=paper", *long, "results_dir=r")
    command = [sys.executable, "-m", "nnrep", "reproduce", "fig4", *options]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while "2 settings, 4 runs" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


def wait_for_workers_to_end(process: subprocess.Popen) -> None:
    """Those of a command that was killed; where processes cannot be listed, they are not looked for."""
    for _ in range(100):
        if not processes_of(process.pid):
            return
        time.sleep(0.1)
    pytest.fail("workers are left behind")


def processes_of(session: int) -> list[int]:
    """The processes of a session, without the dead."""
    processes = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # has ended meanwhile
            continue
        if int(its_session) == session and state != "Z":
            processes.append(int(path.parent.name))
    return processes


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_resumes(whole, nnrep, tmp_path):
    process = start(tmp_path, "results_dir=r")
    folder = tmp_path / "r" / "fig2"
    wait_for_rows(process, folder / "runs.csv", 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: workers as well
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "resume=true goes on" in errors
    kept = pd.read_csv(folder / "runs.csv")
    assert set(kept["status"]) <= {"stalled", "step_limit"}
    resume(nnrep)
    same_tables(folder, whole)
    assert pd.read_csv(folder / "commands.csv")["runs"].tolist() == [len(kept), 12 - len(kept)]
