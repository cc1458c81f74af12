"""Errors that a user can mend, shown as one line without a traceback; exit statuses."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from enum import Enum
from numbers import Integral, Real
from types import UnionType
from typing import NamedTuple, Self, TypeGuard, TypeVar

E = TypeVar("E", bound=Enum)

LONGEST = 80  # characters of a value that an error shows
NO_WORKING_FOLDER = "the working folder is gone; change to another one"
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


class UserError(Exception):
    """Something outside the program must change: a file, a folder, an option."""


class ConfigError(UserError, ValueError):
    """A value that cannot be used.

    Attributes:
        key: the name of the value at fault, dotted in a configuration ("system.n").
        reason: what would be right, and what was given.
    """

    def __init__(self, key: str, reason: str) -> None:
        """Put key and reason into the message."""
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """As other processes are sent it: by both of its parts, where Python would send the message alone."""
        return type(self), (self.key, self.reason)


def did_you_mean(names: Sequence[str]) -> str:
    """A clause that follows what is unknown; nothing without names."""
    return f" (did you mean {' or '.join(names)}?)" if names else ""


def similar(word: object, names: Iterable[str]) -> str:
    """The same of the names that are spelled like a word."""
    return did_you_mean(get_close_matches(str(word), list(names), n=2))


def require(condition: bool, key: str, allowed: str, given: object) -> None:
    """Raise `ConfigError` naming the key, what is allowed and what was given, unless the condition holds."""
    if not condition:
        raise ConfigError(key, f"must be {allowed}, got {given}")


class AsCode(NamedTuple):
    """A value that an error shows as Python's `repr` does: arrays take long to write, so only then."""

    value: object

    def __str__(self) -> str:
        """Its `repr` in one line, or its beginning."""
        text = " ".join(repr(self.value).split())
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def require_kind(value: object, kind: type | UnionType, key: str, called: str) -> None:
    """Raise `ConfigError` naming the key, unless the value is of a kind, which is called "a nnrep.System"."""
    require(isinstance(value, kind), key, called, AsCode(value))


def check_call(key: str, function: object, *taken: str) -> None:
    """Raise `ConfigError` naming the key, unless a value is a function of so many arguments, as described."""
    import inspect  # a command begins without it

    wanted = f"a function of {' and '.join(taken)}"
    if not callable(function):
        raise ConfigError(key, f"must be {wanted}, got {AsCode(function)}")
    try:
        inspect.signature(function).bind(*taken)
    except TypeError as error:
        raise ConfigError(key, f"must be {wanted}, got one that is called otherwise: {error}") from error
    except ValueError:  # of a function that does not show its arguments
        return


def chosen(kind: type[E], value: E | str, key: str) -> E:
    """The member of an enumeration that is given, or named.

    Raises:
        ConfigError: naming the key and the names there are.
    """
    names = [member.name for member in kind]
    name = value.name if isinstance(value, kind) else value
    require(name in names, key, f"one of {', '.join(names)}", f"{value}{similar(value, names)}")
    return kind[str(name)]


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy; True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a real number of Python, NumPy or JAX; True and False are not."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return isinstance(value, Real) and not isinstance(value, bool)


@contextmanager
def as_arguments(group: str) -> Iterator[None]:
    """Call the keys of a group of the configuration as arguments, without the group, in a `ConfigError`."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.key.removeprefix(f"{group}."), error.reason) from error.__cause__


@contextmanager
def named_under(prefix: str) -> Iterator[None]:
    """Put a prefix before the key of a `ConfigError` that is raised inside."""
    try:
        yield
    except ConfigError as error:
        key = ".".join(part for part in (prefix, error.key) if part)
        raise ConfigError(key, error.reason) from error.__cause__
