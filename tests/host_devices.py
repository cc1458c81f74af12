"""Processes whose CPU is several devices."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from nnrep.host.devices import HOST_DEVICES

TESTS = Path(__file__).parent


def with_host_devices(count: int) -> dict[str, str]:
    """The environment of such a process."""
    return {**os.environ, "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {HOST_DEVICES}={count}"}


# Calls functions of a module, and prints what is wrong by their names.
CALLS = """
import importlib, json, sys, traceback

module, *names = sys.argv[1:]
wrong = {}
for name in names:
    try:
        getattr(importlib.import_module(module), name)()
    except Exception:
        wrong[name] = traceback.format_exc()
print(json.dumps(wrong))
"""


def called_on_host_devices(module: str, names: Sequence[str], count: int = 4) -> Mapping[str, str]:
    """What is wrong when functions of a module are called in one such process: name -> traceback."""
    path = str(Path(sys.modules[module].__file__ or "").parent)
    env = with_host_devices(count)
    env["PYTHONPATH"] = os.pathsep.join([path, str(TESTS), env.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", CALLS, module, *names]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    wrong: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return wrong


@dataclass
class Seen:
    """Work that says who does it, and how many devices it sees."""

    shape: str = ""

    def __call__(self) -> tuple[int, int]:
        return os.getpid(), len(jax.local_devices())
