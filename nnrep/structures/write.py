"""PDB text and files from OpenMM topologies."""

import io
import re
from pathlib import Path

import numpy as np
from openmm import app

from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.structures.checks import HIGHEST, LOWEST
from nnrep.structures.openmm_names import FORMS
from nnrep.structures.units import ANGSTROM_PER_NM

# OpenMM takes forms of amino acids for heterogens.
HETEROGEN = re.compile(rf"^HETATM(.{{11}})(?=(?:{'|'.join(FORMS)}) )", re.M)


def write_pdb(path: str | Path, topology: app.Topology, positions_nm: np.ndarray) -> None:
    """Write a PDB file, whole or not at all; chains and residues keep their names and numbers.

    Args:
        path: the file.
        topology: of n atoms.
        positions_nm: (n, 3), or (frames, n, 3) for one model a frame; in nm.

    Raises:
        UserError: a position that the columns of a PDB file cannot hold.
        OSError: the file cannot be written.
    """
    write_whole(Path(path), pdb_text(topology, positions_nm, str(path)).encode())


def pdb_text(topology: app.Topology, positions_nm: np.ndarray, where: str) -> str:
    """The text of a PDB file; the same for the same input, as it has no date.

    Args:
        topology: as for `write_pdb`.
        positions_nm: as for `write_pdb`.
        where: the file, for errors.

    Raises:
        UserError: as for `write_pdb`.
    """
    positions = ANGSTROM_PER_NM * np.asarray(positions_nm, float)
    _check_columns(positions, where)
    text = io.StringIO()
    if positions.ndim == 2:
        app.PDBFile.writeModel(topology, positions, text, keepIds=True)
    else:
        for number, frame in enumerate(positions, start=1):
            app.PDBFile.writeModel(topology, frame, text, modelIndex=number, keepIds=True)
    app.PDBFile.writeFooter(topology, text)
    return HETEROGEN.sub(r"ATOM  \1", text.getvalue())


def _check_columns(positions: np.ndarray, where: str) -> None:
    bad = ~((positions > LOWEST) & (positions < HIGHEST)).all(-1)  # not finite is bad too
    if bad.any():
        first = np.argwhere(bad)[0]
        frame = f" of model {first[0] + 1}" if len(first) == 2 else ""
        value = ", ".join(f"{x:.6g}" for x in positions[tuple(first)])
        what = f"atom {first[-1] + 1}{frame} is at ({value}) A, which a PDB file cannot hold"
        raise UserError(f"{where}: {what}")
