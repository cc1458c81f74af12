"""How many programs a command compiles: few the first time, none the second."""

import os
import re
import subprocess
import sys

import pytest

# Runs the command line and tells how many programs it compiled, and how many were kept by an earlier process.
COUNTED = """
import sys
import jax

seen = []
jax.monitoring.register_event_listener(lambda event, **more: seen.append(event))
jax.monitoring.register_event_duration_secs_listener(lambda event, seconds, **more: seen.append(event))
from nnrep.cli import main
from nnrep.host.stored import EVENT

try:
    main()
finally:
    compiled, hits = [seen.count(f"/jax/compilation_cache/cache_{kind}") for kind in ("misses", "hits")]
    print(f"compiled {compiled}, stored {hits + seen.count(EVENT)}", file=sys.stderr)
"""

MOST = 12

RUNS = {
    "loop": ["system=loop", "system.n=60", "reparam=gnn"],
    "protein-gnn": ["system=protein", "reparam=gnn", "reparam.fit.max_steps=20"],
    "protein-torsion": [
        *("system=protein", "system.force_field=classical"),
        "reparam=torsion",
        "optimizer=lbfgs",
    ],
    "protein-solvent": ["system=protein", "schedule=relaxed", "system.solvent=gbn2"],
    "protein-held": ["system=protein", "reparam=cg", "system.restraints=heavy", "system.frozen=ca"],
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", RUNS.values(), ids=RUNS)
def test_a_first_run_compiles_few_programs_and_the_second_none(tmp_path, arguments):
    def counts(folder: str) -> tuple[int, int]:
        command = [
            sys.executable,
            "-c",
            COUNTED,
            "run",
            *arguments,
            "max_steps=20",
            f"hydra.run.dir={folder}",
        ]
        environment = os.environ | {"NNREP_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        (found,) = re.findall(r"compiled (\d+), stored (\d+)", done.stderr)
        compiled, stored = map(int, found)
        return compiled, stored

    compiled, _ = counts("first")
    assert 1 <= compiled <= MOST
    again, stored = counts("second")
    assert again == 0
    assert 1 <= stored <= MOST
