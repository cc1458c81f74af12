"""Trajectories are read as they were written."""

import struct
from pathlib import Path

import numpy as np
import pytest
from structure_texts import tripeptide

import nnrep
from nnrep.errors import UserError
from nnrep.minimization.result import Frames
from nnrep.records.trajectory import read_trajectory, write_trajectories


def test_frames_of_beads(tmp_path):
    system = nnrep.load_system("loop", n=5, loop_length=2, dim=2)
    positions = np.random.default_rng(0).normal(size=(3, 5, 2))
    frames = Frames(np.array([7, 8, 7]), np.array([1, 1, 2]), positions)
    write_trajectories(tmp_path, "t-{seed}", system, frames)
    read = read_trajectory(tmp_path / "t-7.xyz")
    np.testing.assert_allclose(read[..., :2], positions[[0, 2]], atol=1e-6)
    assert not read[..., 2].any()


def test_frames_of_a_protein_in_angstrom(tmp_path):
    molecule = tripeptide()
    system = nnrep.System(energy=lambda x: (x**2).sum(), positions=molecule.positions, molecule=molecule)
    positions = np.stack([molecule.positions, molecule.positions + 1])
    write_trajectories(tmp_path, "t-{seed}", system, Frames(np.zeros(2, int), np.array([5, 10]), positions))
    np.testing.assert_allclose(read_trajectory(tmp_path / "t-0.dcd"), 10 * positions, atol=1e-4)


def test_frames_of_dynamics_have_their_times(tmp_path):
    molecule = tripeptide()
    system = nnrep.System(energy=lambda x: (x**2).sum(), positions=molecule.positions, molecule=molecule)
    frames = Frames(np.zeros(3, int), np.array([5000, 10_000, 15_000]), np.stack([molecule.positions] * 3))
    write_trajectories(tmp_path, "t-{seed}", system, frames, time_step_fs=4.0)
    first, interval = struct.unpack_from("<2i", (tmp_path / "t-0.dcd").read_bytes(), 12)
    (step,) = struct.unpack_from("<f", (tmp_path / "t-0.dcd").read_bytes(), 44)
    assert (first, interval) == (5000, 5000)
    assert step * 48.88821 == pytest.approx(4.0)  # fs of AKMA's unit of time


@pytest.mark.parametrize("name", ["x.dcd", "x.xyz"])
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str):
    (tmp_path / name).write_text("not a trajectory")
    with pytest.raises(UserError, match=f"{name}: not a readable trajectory"):
        read_trajectory(tmp_path / name)
