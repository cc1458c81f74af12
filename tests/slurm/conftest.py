"""A Slurm of one node, where its programs are installed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
SCRIPT = Path(__file__).parent / "one_node.sh"


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Slurm's programs find a node of two processors; it is gone afterwards, with its jobs."""
    places = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=places) is None]
    if missing:
        pytest.skip(
            f"needs Slurm (slurmctld, slurmd, slurm-client, munge); not installed: {' '.join(missing)}"
        )
    folder = tmp_path_factory.mktemp("slurm") / "node"
    subprocess.run([SCRIPT, "start", folder], check=True, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        try:
            yield
        finally:
            subprocess.run([SCRIPT, "stop", folder], check=True, timeout=120)
