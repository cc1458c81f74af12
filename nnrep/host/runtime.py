"""JAX as nnrep wants it, and what it runs on."""

import os
import platform
import sys
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

from nnrep import __version__
from nnrep.energies.products import EXACT
from nnrep.host.cache import cache_folder, is_writable
from nnrep.host.devices import found_devices
from nnrep.host.programs import keep_programs
from nnrep.host.stored import keep_whole_programs
from nnrep.host.terminal import log
from nnrep.host.threads import environment


def configure_jax(precision: str, programs: Path | None = None) -> None:
    """Set the floating-point type, have exact products, and keep compiled programs across processes.

    Args:
        precision: float32 or float64.
        programs: folder that keeps them; None is one in the user's cache.

    Raises:
        UserError: there is no device to compute on.
    """
    found_devices()
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", EXACT)
    if programs is None and os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return  # the user has chosen a place
    # A cache that fills up or was cut off is no fault of the run: JAX compiles then.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
    folder = programs or cache_folder() / "jax"
    writable = is_writable(folder)
    if not writable:
        log().warning("%s cannot be written: compiled programs are not kept; set NNREP_CACHE", folder)
    if folder.is_dir():
        ours = keep_programs(folder, writable)
        keep_whole_programs(folder if ours else None, writable)


def compute_with_one_thread() -> None:
    """Let JAX's programs of this process use one thread, unless it has begun to compute.

    Eigensolvers outside of JAX keep theirs. Raises as `found_devices` does.
    """
    with environment({"NPROC": os.environ.get("NPROC", "1")}):
        found_devices()  # as they are looked for, XLA makes its pool of threads


def describe_device() -> str:
    """The device that computes: "cpu (x86_64, 2 cores)", or a GPU's name and how many there are."""
    devices = jax.devices()
    if devices[0].platform == "cpu":
        return f"cpu ({platform.machine()}, {os.cpu_count()} cores)"
    return f"{devices[0].device_kind} x{len(devices)}"


@cache
def describe_versions() -> str:
    """Versions of nnrep, Python and JAX, for the table of runs."""
    python = ".".join(map(str, sys.version_info[:3]))
    packages = "; ".join(f"{name} {version(name)}" for name in ("jax", "optax", "openmm"))
    return f"nnrep {__version__}; python {python}; {packages}"
