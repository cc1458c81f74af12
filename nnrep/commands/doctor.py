"""`nnrep doctor`: what nnrep runs on, and what is wrong with it."""

import os
import re
import sys
from pathlib import Path

from nnrep import __version__
from nnrep.commands.command import Command, asks_for_help
from nnrep.errors import EXIT_FAILED, EXIT_OK, NO_WORKING_FOLDER, UserError

JAX_VARIABLES = ("XLA_FLAGS", "JAX_PLATFORMS")

SUMMARY = "show versions, devices, threads, caches and writable places, and what is wrong"


def _main(arguments: list[str]) -> int:
    """Print the report; the exit status is 1 if something is wrong."""
    if asks_for_help(arguments):
        print(f"usage: nnrep doctor\n\n{SUMMARY}")
        return EXIT_OK
    if arguments:
        raise UserError(f"{arguments[0]}: nnrep doctor takes no arguments")
    problems: list[str] = []
    print(f"nnrep     {__version__}, {Path(__file__).parent.parent}")
    print(f"python    {sys.version.split()[0]}, {sys.executable}")
    _report_packages(problems)
    if not problems:  # without one of its packages nnrep can see nothing else
        _report_devices(problems)
        _report_places(problems)
    for problem in problems:
        print(f"wrong     {problem}")
    print("all well" if not problems else f"{len(problems)} thing(s) wrong")
    return EXIT_FAILED if problems else EXIT_OK


def _report_packages(problems: list[str]) -> None:
    """The packages that nnrep cannot do without."""
    from importlib.metadata import PackageNotFoundError, version

    for name in _needed_packages():
        try:
            print(f"package   {name} {version(name)}")
        except PackageNotFoundError:
            problems.append(f"the package {name} is missing: install nnrep again")


def _needed_packages() -> list[str]:
    """The names that nnrep's metadata have, without those of its extras."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        requirements = requires("nnrep") or []
    except PackageNotFoundError:  # a checkout that is not installed
        return ["nnrep"]
    return [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in requirements if "extra ==" not in each]


def _report_devices(problems: list[str]) -> None:
    import jax.numpy as jnp

    from nnrep.host.devices import found_devices
    from nnrep.host.threads import VARIABLES, usable_cores

    try:
        for device in found_devices():
            print(f"device    {device.platform}: {device.device_kind} ({device.id})")
        if float(jnp.sum(jnp.arange(4.0))) != 6:
            problems.append("JAX computes 0 + 1 + 2 + 3 wrongly on this device")
    except UserError as error:
        problems.append(str(error))
    except RuntimeError as error:
        problems.append(f"JAX cannot compute here: {' '.join(str(error).split())}")
    print(f"threads   {usable_cores()} usable of {os.cpu_count()} cores")
    for name in (*VARIABLES, *JAX_VARIABLES):
        if name in os.environ:
            print(f"variable  {name}={os.environ[name]}")


def _report_places(problems: list[str]) -> None:
    from nnrep.choices.defaults import config_folder
    from nnrep.host.cache import cache_folder, is_writable

    try:
        print(f"configs   {config_folder()}")
    except UserError as error:
        problems.append(str(error))
    cache = cache_folder()
    if is_writable(cache):
        files = [path for path in cache.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"cache     {cache}: writable, {len(files)} files, {size:.1f} MB")
        _report_programs(cache / "jax")
    else:
        problems.append(f"{cache}: cannot be written, so nothing is kept between runs; set NNREP_CACHE")
    _report_outputs(problems)
    _report_structures(problems)


def _report_outputs(problems: list[str]) -> None:
    """The folder that runs are written to, or the one that it will be made in."""
    try:
        outputs = Path.cwd() / "outputs"
    except FileNotFoundError:
        problems.append(NO_WORKING_FOLDER)
        return
    if outputs.exists() and not outputs.is_dir():
        problems.append(f"{outputs}: is no folder; move it away, or give hydra.run.dir=DIR")
        return
    place = outputs if outputs.exists() else outputs.parent
    if os.access(place, os.W_OK):
        print(f"outputs   {outputs}: writable")
    else:
        problems.append(f"{place}: cannot be written; give hydra.run.dir=DIR")


def _report_structures(problems: list[str]) -> None:
    """The folders in which structures are looked for."""
    from nnrep.structures.file_names import VARIABLE, existing_folder, variable_folders

    for name in variable_folders():
        try:
            print(f"entries   {existing_folder(name, VARIABLE)}: from {VARIABLE}")
        except UserError as error:
            problems.append(str(error))


def _report_programs(folder: Path) -> None:
    from nnrep.host.programs import is_readable, remove_unreadable
    from nnrep.host.stored import WHOLE, is_whole

    for place, check in ((folder, is_readable), (folder / WHOLE, is_whole)):
        count, removed = remove_unreadable(place, check)
        print(f"programs  {count} compiled programs are kept in {place}")
        for name in removed:
            print(f"programs  {name} could not be read and is removed: the next run compiles it")


CHOICE = Command(SUMMARY, _main)
