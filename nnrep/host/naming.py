"""Names of functions and settings by which one process knows what another has compiled.

Two functions of one name do the same: a name holds the module, the place in it, what a closure holds, and,
by `sources`, the text of the package and the versions of the others. What has no such name, a user's own
function for one, is compiled as ever.
"""

import dataclasses
import functools
import hashlib
import sys
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

PACKAGE = __name__.partition(".")[0]
# Packages whose functions are known by their version.
VERSIONED = ("jax", "jaxlib", "optax", "jraph", "numpy")
KNOWN = {PACKAGE, "builtins", "functools", *VERSIONED}


class NamelessError(Exception):
    """What has no name that holds in another process."""


def name_of(value: Any) -> str:
    """The name of a function, a setting, or a structure of them.

    Raises:
        NamelessError: there is none, as for arrays, or functions of packages that are not known.
    """
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.dtype):
        return repr(value)
    if isinstance(value, Enum):
        return f"{_place(type(value))}.{value.name}"
    if isinstance(value, tuple | list):
        return f"{_place(type(value))}({','.join(map(name_of, value))})"
    if isinstance(value, dict):
        return f"{{{','.join(f'{name_of(key)}:{name_of(each)}' for key, each in value.items())}}}"
    if isinstance(value, type):
        return "NoneType" if value is type(None) else _place(value)
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return f"{_place(type(value))}{name_of(fields)}"
    if isinstance(value, functools.partial):
        return f"partial{name_of((value.func, value.args, value.keywords))}"
    if callable(value):
        return _name_of_function(value)
    raise NamelessError(repr(value))


def _name_of_function(function: Any) -> str:
    if hasattr(function, "__self__") and hasattr(function, "__func__"):
        return f"method{name_of((function.__self__, function.__func__))}"
    try:
        return _place(function)
    except NamelessError:
        inner = getattr(function, "__wrapped__", None) or getattr(function, "fun", None)
        if inner is not None and not isinstance(function, FunctionType):  # of jax.jit, of jax.custom_jvp
            return f"{_place(type(function))}({_name_of_function(inner)})"
    code = getattr(function, "__code__", None)
    if code is None or not _is_known(function):
        raise NamelessError(repr(function))
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    given = (held, function.__defaults__, function.__kwdefaults__)
    return f"{function.__module__}.{function.__qualname__}:{code.co_firstlineno}{name_of(given)}"


def _place(thing: Any) -> str:
    """Module and name under which a function or class is found.

    Raises:
        NamelessError: it is not found there.
    """
    holder = sys.modules.get(getattr(thing, "__module__", None) or "")
    path = getattr(thing, "__qualname__", "")
    for part in path.split("."):
        holder = getattr(holder, part, None)
    if holder is not thing or not _is_known(thing):
        raise NamelessError(repr(thing))
    return f"{thing.__module__}.{path}"


def _is_known(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] in KNOWN


@functools.cache
def sources() -> str:
    """A hash of the package's text, and the versions of the packages that it compiles with."""
    package = Path(__file__).resolve().parent.parent
    text = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text.update(str(path.relative_to(package)).encode())
        text.update(path.read_bytes())
    return name_of([text.hexdigest(), [f"{each} {version(each)}" for each in VERSIONED]])
