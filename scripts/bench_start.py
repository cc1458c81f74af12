"""Time of whole commands, from the shell's prompt to the result, beside an OpenMM script that does the same.

first   the first command ever: nothing is stored
new     another molecule of a size seen before: programs are stored, the structure and its modes are not
again   the same command once more
openmm  a script that reads the file, adds hydrogens and minimises (RMS force 0.5 kJ/mol/nm), in a process

Every figure is the median of several rounds, each of which runs all of them once, in seconds; ratios are
medians of the rounds' ratios to OpenMM. `throughput` minimises fragments of the structures, all of them in
one command and in one OpenMM process.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import gemmi
import numpy as np
import pandas as pd

from nnrep.errors import UserError
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.structures.write import write_pdb

OPENMM_SCRIPT = """
import sys
from openmm import LocalEnergyMinimizer, LangevinIntegrator, Context, Platform, app, unit
field = app.ForceField("amber14/protein.ff14SB.xml")
for path in sys.argv[1:]:
    pdb = app.PDBFile(path)
    modeller = app.Modeller(pdb.topology, pdb.positions)
    modeller.deleteWater()
    modeller.addHydrogens(field)
    system = field.createSystem(modeller.topology, nonbondedMethod=app.NoCutoff)
    # Else threads add forces in whatever order, and the same start ends in another minimum each time.
    options = {"DeterministicForces": "true"}
    context = Context(system, LangevinIntegrator(300, 1, 0.001), Platform.getPlatform("CPU"), options)
    context.setPositions(modeller.positions)
    LocalEnergyMinimizer.minimize(context, tolerance=0.5)
    state = context.getState(getEnergy=True, getPositions=True)
    print(path, state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["commands", "throughput"], default="commands")
    parser.add_argument(
        "--structures", required=True, help="folder of structures, 5AWL.pdb and 2JOF.pdb among them"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fragments", type=int, default=50)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "minimize.py").write_text(OPENMM_SCRIPT)
        structures = Path(options.structures).resolve()
        if options.what == "commands":
            bench_commands(work, structures, options.rounds)
        else:
            bench_throughput(work, structures, options.fragments)


def commands_of(structures: Path) -> dict[str, tuple[list[str], Path | None]]:
    """What is run, and which file OpenMM's script minimises beside it."""
    protein = {name: structures / f"{name}.pdb" for name in ("5AWL", "2JOF")}

    def of(name: str, *more: str) -> list[str]:
        return ["system=protein", f"system.pdb={protein[name]}", *more]

    return {
        "5AWL relaxed": (of("5AWL", "schedule=relaxed"), protein["5AWL"]),
        "2JOF relaxed": (of("2JOF", "schedule=relaxed"), protein["2JOF"]),
        "2JOF none": (of("2JOF", "reparam=none", "max_steps=2000"), protein["2JOF"]),
        "2JOF gnn": (of("2JOF", "reparam=gnn", "max_steps=2000"), protein["2JOF"]),
        "loop gnn": (["system=loop", "reparam=gnn"], None),
    }


def bench_commands(work: Path, structures: Path, rounds: int) -> None:
    print(f"{'command':>14} {'first':>7} {'new':>7} {'again':>7} {'openmm':>7} {'new/openmm':>11}")
    for name, (arguments, file) in commands_of(structures).items():
        seen: dict[str, list[float]] = {kind: [] for kind in ("first", "new", "again", "openmm")}
        for turn in range(rounds):
            cache = work / f"cache-{name}-{turn}".replace(" ", "-")
            run = ours(work, cache, arguments)
            seen["first"].append(run())
            for stored in ("prepared", "modes"):
                shutil.rmtree(cache / stored, ignore_errors=True)
            seen["new"].append(run())
            seen["again"].append(run())
            if file is not None:
                seen["openmm"].append(seconds_of([sys.executable, "minimize.py", str(file)], work))
        figures = [statistics.median(values) if values else float("nan") for values in seen.values()]
        ratios = [new / openmm for new, openmm in zip(seen["new"], seen["openmm"], strict=False)]
        ratio = statistics.median(ratios) if ratios else float("nan")
        print(
            f"{name:>14} " + " ".join(f"{figure:7.2f}" for figure in figures) + f" {ratio:11.1f}", flush=True
        )


def ours(work: Path, cache: Path, arguments: list[str]) -> Callable[[], float]:
    """Seconds of a command with a cache of its own, into a new folder each time."""

    def run() -> float:
        folder = work / f"run-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "nnrep", "run", *arguments, f"hydra.run.dir={folder}"]
        return seconds_of(command, work, {"NNREP_CACHE": str(cache)})

    return run


def seconds_of(command: list[str], folder: Path, variables: dict[str, str] | None = None) -> float:
    """Of a whole process."""
    began = time.perf_counter()
    environment = os.environ | (variables or {})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - began


def bench_throughput(work: Path, structures: Path, count: int) -> None:
    files = fragments(structures, work / "fragments", count)
    print(f"{len(files)} fragments, relaxed; seconds a structure")
    sweep = ["--multirun", "system=protein", "schedule=relaxed", "record.pictures=false"]
    sweep += ["system.pdb=glob(fragments/*.pdb)"]
    seen: list[np.ndarray] = []  # energies (2, fragments) of both in each round
    for turn in ("first", "again"):
        folder = work / turn
        command = [sys.executable, "-m", "nnrep", "run", *sweep, f"hydra.sweep.dir={folder}"]
        own = seconds_of(command, work, {"NNREP_CACHE": str(work / "cache")}) / len(files)
        began = time.perf_counter()
        names = [str(path) for path in files]
        script = [sys.executable, "minimize.py", *names]
        printed = subprocess.run(script, cwd=work, capture_output=True, text=True, check=True).stdout
        theirs = (time.perf_counter() - began) / len(files)
        energies = dict(line.rsplit(" ", 1) for line in printed.splitlines())
        table = pd.read_csv(folder / "runs.csv").set_index("structure")["energy"]
        seen.append(np.array([[table[path.stem], float(energies[str(path)])] for path in files]).T)
        higher = seen[-1][0] - seen[-1][1]
        print(
            f"{turn:>6}: nnrep {own:.2f}, openmm {theirs:.2f}, ratio {own / theirs:.2f}; energies above "
            f"OpenMM's by {np.median(higher):.2f} kJ/mol in the median, {max(higher):.2f} at most",
            flush=True,
        )
    own, theirs = abs(seen[1] - seen[0]).max(axis=1)
    print(f"energies of the two rounds differ by {own:.2g} (nnrep) and {theirs:.2g} (openmm) kJ/mol at most")


def fragments(structures: Path, folder: Path, count: int) -> list[Path]:
    """Files of so many stretches of chains, of 6 to 50 residues, complete with hydrogens."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    sources = [path for path in sorted(structures.glob("*.pdb")) if "unfolded" not in path.stem]
    made: list[Path] = []
    while len(made) < count:
        source = gemmi.read_structure(str(sources[rng.integers(len(sources))]))
        chain = source[0][0]
        length = int(rng.integers(6, 51))
        first = int(rng.integers(0, max(1, len(chain) - length + 1)))
        for index in reversed(range(len(chain))):
            if not first <= index < first + length:
                del chain[index]
        for other in reversed(range(1, len(source))):
            del source[other]
        path = folder / f"fragment{len(made):02d}.pdb"
        source.write_pdb(str(path))
        try:
            molecule = prepared(str(path), [], Preparation())
        except UserError:
            path.unlink()
            continue
        write_pdb(path, molecule.topology, molecule.positions)
        made.append(path)
    return made


if __name__ == "__main__":
    main()
