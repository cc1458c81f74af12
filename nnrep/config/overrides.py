"""Overrides as users write them: names of structures that Hydra's grammar would take for something else."""

import os
import re
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from nnrep.choices.settings import literal
from nnrep.errors import UserError, require
from nnrep.structures.file_names import suffix_of

FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")
STRUCTURE, CHAIN = "system.pdb", "system.chain"
NAMED = re.compile(rf"(\+{{0,2}}(?:{re.escape(STRUCTURE)}|{re.escape(CHAIN)}))=(.*)", re.S)
CHAINS = re.compile(r"\w{1,4}(,\w{1,4})+")
GLOB = re.compile(r"glob\(([^\['\"=,][^'\"=,]*)\)")  # of one pattern
FUNCTION = re.compile(r"\w+\(.*\)", re.S)
PLAIN = re.compile(r"[\w./*?+:@%-]*", re.ASCII)
# What is quoted, and what Hydra reads as a number though it names an entry: 1E10.
QUOTED_OR_NUMBER = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?<![^\s,=(\[])\d+[eE]\d+(?![^\s,)\]])""", re.S
)


def understood(overrides: Sequence[str], *, is_sweep: bool) -> list[str]:
    """Overrides in which names of structures and chains are quoted where Hydra would read them otherwise.

    Args:
        overrides: of the command line.
        is_sweep: whether commas stand between jobs.
    """
    return [_understood(override, is_sweep) for override in overrides]


def check_folder(key: str, value: str) -> None:
    """Raise `ConfigError` for a folder without a name, or with a ~ that stands for nothing in it."""
    require(bool(value.strip()), key, "a folder (. is the working folder)", "nothing")
    at_home = f"without ~, which only a shell replaces: {os.path.expanduser(value)}"
    require(not value.startswith("~"), key, at_home, value)


def check_override(override: str) -> None:
    """Raise `UserError` for what Hydra cannot read, which says how to quote it."""
    key, equals, value = override.partition("=")
    try:
        OverridesParser.create().parse_override(override)
    except HydraException as error:
        if not equals and not override.startswith("~"):
            raise UserError(f"{override}: has no value; write {override}=VALUE") from error
        if key in FOLDERS:
            check_folder(key, value)
        reason = str(error).splitlines()[0]
        advice = "quote a value with blanks, quotes, any of , = ( ) [ ] { } # & ; or letters beyond a to z"
        example = shlex.quote(f"{key}={_quoted_parts(value)}")
        raise UserError(f"{override}: cannot be read, {reason}; {advice}: {example}") from error


def reads_as_number(text: str) -> bool:
    """Whether Hydra takes the name of an entry for a number: 1E10."""
    return re.fullmatch(r"\d+[eE]\d+", text) is not None


def _understood(override: str, is_sweep: bool) -> str:
    match = NAMED.fullmatch(override)
    if match is None:
        return override
    key, value = match.groups()
    if key.endswith(CHAIN) and not is_sweep and CHAINS.fullmatch(value):
        return f"{key}={_quoted(value)}"
    if key.endswith(STRUCTURE):
        value = _with_quoted_files(value)
    return f"{key}={QUOTED_OR_NUMBER.sub(_as_text, value)}"


def _with_quoted_files(value: str) -> str:
    """The value, or values between commas, with quotes around files whose names have other characters."""
    if PLAIN.fullmatch(value) or not value:
        return value
    if os.path.isfile(os.path.expanduser(value)):
        return _quoted(value)
    pattern = GLOB.fullmatch(value)
    if pattern is not None and not PLAIN.fullmatch(pattern[1]):
        return f"glob({_quoted(pattern[1])})"
    if "${" in value or FUNCTION.fullmatch(value.strip()) or value[0] in "'\"":
        return value
    return ",".join(
        _quoted(each) if suffix_of(each) and not PLAIN.fullmatch(each) else each for each in value.split(",")
    )


def _quoted_parts(value: str) -> str:
    """The value with quotes around what may need them: in lists and calls, what stands between commas."""
    whole = re.fullmatch(r"((?:(?:glob|choice|sort|shuffle)\(|\[))(.*)([)\]])", value, re.S)
    before, inner, after = whole.groups() if whole else ("", value, "")
    parts = [inner] if not whole else inner.split(",")
    return (
        before + ",".join(QuotedString(literal(part), Quote.double).with_quotes() for part in parts) + after
    )


def _as_text(match: re.Match[str]) -> str:
    text = match.group()
    return text if text[0] in "'\"" else _quoted(text)


def _quoted(text: str) -> str:
    return str(QuotedString(literal(text), Quote.single).with_quotes())
