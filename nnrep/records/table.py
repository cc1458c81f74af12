"""The table of runs: its columns, and how it is written."""

from pathlib import Path

import pandas as pd

from nnrep.errors import UserError
from nnrep.host.cache import write_whole

# One row a seed. Times in seconds; energies in the system's unit (proteins: kJ/mol); RMSD and radius of
# gyration in Angstrom.
RUN_COLUMNS = [
    "run_id",
    "system",
    "structure",
    "structure_source",
    "structure_hash",
    "potential",
    "start",
    "start_seed",
    "n",
    "n_residues",
    "baseline",
    "reparam",
    "modes",
    "modes_of",
    "modes_solver",
    "modes_residual",
    "hidden",
    "optimizer",
    "learning_rate",
    "learning_rate_coarse",
    "min_delta",
    "min_delta_coarse",
    "seed",
    "status",
    "energy",
    "energy_start",
    "energy_coarse",
    "energy_bound",
    "energy_bonds",
    "energy_angles",
    "energy_torsions",
    "energy_lennard_jones",
    "energy_coulomb",
    "energy_van_der_waals",
    "energy_hydrogen_bonds",
    "energy_hydrophobic",
    "energy_openmm",
    "bond_fraction",
    "contact_fraction",
    "pieces",
    "largest_piece",
    "rmsd_ca",
    "rmsd_backbone",
    "rmsd_all",
    "rmsd_ca_start",
    "rmsd_backbone_start",
    "rmsd_all_start",
    "radius_of_gyration",
    "gradient_rms",
    "restarts",
    "steps_coarse",
    "steps_fine",
    "evaluations",
    "time_modes_s",
    "time_modes_fresh_s",
    "time_modes_compile_s",
    "modes_stored",
    "time_fit_s",
    "time_compile_s",
    "time_minimize_s",
    "time_total_s",
    "precision",
    "device",
    "versions",
    "config_hash",
]


TIMES = [name for name in RUN_COLUMNS if name.startswith("time_")]


def read_table(path: Path) -> pd.DataFrame:
    """The table that `write_table` wrote.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a readable table ({error})") from error


def write_table(path: Path, rows: pd.DataFrame) -> None:
    """Write a table as CSV; a crash leaves the old file or the new one, never half of one."""
    write_whole(path, rows.to_csv(index=False).encode())
