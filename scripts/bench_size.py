"""Peak memory and time of runs against the number of atoms, beside OpenMM's minimiser.

none      reparam=none: Adam on the positions
cg, gnn   the maps of slow modes; the network is fitted to its start for 20 steps
relaxed   reparam=none schedule=relaxed
cutoff    reparam=none with system.cutoff_nm=1.0
modes     nnrep modes, without the robustness table
openmm    OpenMM's minimiser on its CPU platform, as many iterations

The molecule is one helix with the sequence of the Trp-cage over and over. Every run is a process of its own,
of so many steps; its peak memory, time and processor time are those of the whole of it. Times per step are
its table's.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SEQUENCE = "NLYIQWLKDGGPSSGRPPPS"
ATOMS_EACH = 304 / 20  # of a residue
PHI, PSI = -57, -47  # degrees, of a helix
CASES = {
    "none": ["run", "reparam=none"],
    "cg": ["run", "reparam=cg"],
    "gnn": ["run", "reparam=gnn", "reparam.fit.max_steps=20"],
    "relaxed": ["run", "reparam=none", "schedule=relaxed"],
    "cutoff": ["run", "reparam=none", "system.cutoff_nm=1.0"],
    "modes": ["modes", "reparam=cg", "analysis.robustness=false"],
    "openmm": ["run", "baseline=openmm_minimizer"],
}
COLUMNS = ("atoms", "case", "peak memory", "whole time", "of processors")
COLUMNS += ("steps", "per step", "energy", "RMS force", "end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--atoms", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--structure", help="file to take in the place of the chain")
    parser.add_argument("--minutes", type=float, default=30, help="after which a run is stopped")
    options = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory() as folder:
        for atoms in options.atoms:
            path = Path(options.structure or Path(folder, f"chain-{atoms}.pdb"))
            if not options.structure:
                write_chain(path, max(2, round(atoms / ATOMS_EACH)))
            for name in options.cases:
                show(atoms, name, measured(path, CASES[name], Path(folder, f"{atoms}-{name}"), options))


def measured(path: Path, arguments: list[str], out: Path, options: Any) -> dict[str, Any]:
    """What a command takes, by the usage of its process."""
    command = [sys.executable, "-m", "nnrep", *arguments, "system=protein", f"system.pdb={path}"]
    command += [f"hydra.run.dir={out}", "record.pictures=false"]
    if arguments[0] == "run":  # nothing is minimised for modes
        command.append(f"max_steps={options.steps}")
    if "baseline=openmm_minimizer" in arguments:
        command.append(f"baseline.max_iterations={options.steps}")
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        too_long = threading.Timer(60 * options.minutes, process.terminate)
        too_long.start()
        _, status, usage = os.wait4(process.pid, 0)  # of this process alone
        too_long.cancel()
        errors.seek(0)
        lines = errors.read().splitlines()
    process.returncode = os.waitstatus_to_exitcode(status)
    seen: dict[str, Any] = {"seconds": time.perf_counter() - began, "peak": usage.ru_maxrss}
    seen["processors"] = usage.ru_utime + usage.ru_stime
    table = out / "runs.csv"
    if table.exists():
        with table.open() as rows:
            seen["row"] = next(csv.DictReader(rows))
    elif process.returncode:
        seen["error"] = lines[-1] if lines else str(process.returncode)
    return seen


def show(atoms: int, name: str, seen: dict[str, Any]) -> None:
    row = seen.get("row")
    cells = [atoms, name, f"{seen['peak'] / 1e6:.2f} GB", f"{seen['seconds']:.0f} s"]
    cells.append(f"{seen['processors']:.0f} s")
    if row is None:
        cells += ["", "", "", "", seen.get("error", "done")]
    else:
        steps = float(row["evaluations"])
        per_step = 1e3 * float(row["time_minimize_s"]) / max(1.0, steps)
        cells += [f"{steps:.0f}", f"{per_step:.1f} ms", f"{float(row['energy']):.6g}"]
        cells += [f"{float(row['gradient_rms']):.3g}", row["status"]]
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def write_chain(path: Path, residues: int) -> None:
    """A prepared helix of so many residues, as a PDB file."""
    from Bio.PDB import PDBIO
    from PeptideBuilder import Geometry, PeptideBuilder

    from nnrep.structures.preparation import Preparation
    from nnrep.structures.prepare import prepared

    codes = (SEQUENCE * (residues // len(SEQUENCE) + 1))[:residues]
    geometries = [Geometry.geometry(code) for code in codes]
    for geometry in geometries:
        geometry.phi, geometry.psi_im1 = PHI, PSI
    chain = PeptideBuilder.make_structure_from_geos(geometries)
    PeptideBuilder.add_terminal_OXT(chain)
    writer = PDBIO()
    writer.set_structure(chain)
    with tempfile.TemporaryDirectory() as folder:
        writer.save(str(Path(folder, "chain.pdb")))
        molecule = prepared(str(Path(folder, "chain.pdb")), [], Preparation())
    path.write_text(molecule.pdb)


if __name__ == "__main__":
    main()
