"""One line for an error that a user can mend."""

import errno
import re

from hydra.errors import HydraException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from nnrep.choices.identity import is_in
from nnrep.choices.registry import GROUPS
from nnrep.errors import NO_WORKING_FOLDER, UserError, did_you_mean, similar


def explain(error: BaseException) -> str | None:
    """The key, file or folder at fault and what would be right, in one line; None for our own faults."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException):
        return _explain_hydra(error)
    if isinstance(error, OmegaConfBaseException):
        return _explain_key(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    if isinstance(error, FileNotFoundError):  # of a path that is none: os.getcwd
        return NO_WORKING_FOLDER
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}: make room, or write to another place"
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return f"out of memory: {_one_line(error)}; make the system, the modes or the batch smaller"
    return None


def _explain_hydra(error: HydraException) -> str:
    cause = error.__cause__
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        return _explain_unknown_key(cause)
    if isinstance(cause, OmegaConfBaseException):
        return _explain_key(cause)
    missing = re.search(r"Could not find '(\S+)/(\S*)'\s+Available options in '\S+':(.*)", str(error), re.S)
    if missing:
        group, option, options = missing.groups()
        names = re.findall(r"^\t(\S+)$", options, re.M)
        return f"{group}={option}: unknown option{similar(option, names)}; choose from {', '.join(names)}"
    several = re.search(r"Ambiguous value for argument '([^=']+)=", str(error))
    if several:
        return f"{several[1]}: has several values; add --multirun for a job of each, or write [..] for a list"
    outside = re.search(r"Could not override '([^']+)'\. No match in the defaults list", str(error))
    if outside and outside[1] == "experiment":
        return "experiment: is added to the configuration; write +experiment=NAME"
    if outside:
        return f"{outside[1]}: no group of this verb; choose from {', '.join(GROUPS)}"
    return _one_line(error)


def _explain_unknown_key(error: ConfigKeyError | ConfigAttributeError) -> str:
    key = _dotted(error.full_key or str(error.key))
    parent = error.parent_node
    names = [str(name) for name in parent] if parent is not None else []
    known = [name for name in names if name != "hydra"]
    # A stage has keys that it need not name, which Hydra adds by a plus.
    added = f"; + adds one that is not there, +{key}=..." if ".stages." in key else ""
    options = _options_with(key)
    other = f"; {' and '.join(options)} has it" if options else ""
    meant = similar(key.rpartition(".")[2], known) or ("" if options else did_you_mean(_elsewhere(key)))
    return f"{key}: unknown key{meant}; choose from {', '.join(known)}{other}{added}"


def _options_with(key: str) -> list[str]:
    """The options of its group that have a key, or keys below it: reparam=gnn."""
    from nnrep.config.meanings import known_keys

    below = [entry for known, entry in known_keys().items() if is_in(known, key)]
    return list(dict.fromkeys(entry.option for entries in below for entry in entries if entry.option))


def _elsewhere(key: str) -> list[str]:
    """Keys of other groups by the same name."""
    from nnrep.config.meanings import similar_keys

    return similar_keys(key)


def _explain_key(error: OmegaConfBaseException) -> str:
    return f"{_dotted(error.full_key or 'configuration')}: {_one_line(error).split(' full_key:')[0]}"


def _dotted(key: str) -> str:
    """A key with places in lists as a command names them: stages[0].name is stages.0.name."""
    return re.sub(r"\[(\d+)\]", r".\1", key)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
