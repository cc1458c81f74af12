"""What each key of the configuration means: the comments of `configs/`, which stand nowhere else."""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from nnrep.choices.defaults import config_folder, defaults_of
from nnrep.choices.identity import flat
from nnrep.choices.registry import GROUPS, choice_names

WHOLE = "config"  # the file of what is in no choice
NAME = "name"  # of a choice: its comment is that of the file
KEY = re.compile(r"(?P<indent> *)(?P<key>\w+):(?:.*?\s#\s(?P<beside>.*))?")
# Groups of `configs/` whose options a user chooses; the others are chosen by these.
CHOSEN = (*GROUPS, "modes", "explore")
EXPLAINED = (*CHOSEN, "engine")  # that of nnrep reproduce as well
# Keys that mean what others do, which have the comment.
SAME = {"schedule/paper": ("coarse.", "fine.")}


class Key(NamedTuple):
    """A key as an option of its group has it.

    Attributes:
        option: "system=loop"; empty for what is in no group.
        default: its value, as it stands in the file.
        meaning: the comment; empty if it has none.
    """

    option: str
    default: Any
    meaning: str


def options_of(group: str) -> list[str]:
    """What can be chosen in a group: its files, and choices without one."""
    files = {path.stem for path in (config_folder() / group).glob("*.yaml")}
    return sorted(files | set(choice_names(GROUPS[group]) if group in GROUPS else ()))


@cache
def meanings(file: str) -> Mapping[str, str]:
    """Dotted key -> what the comment above or beside it says, of a file of `configs/` without suffix."""
    path = config_folder() / f"{file}.yaml"
    texts: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        stripped = line.strip()
        match = KEY.match(line)
        if stripped.startswith("#"):
            if not stripped.startswith("# @"):  # which is Hydra's
                comment.append(stripped.removeprefix("#").removeprefix(" "))
            continue
        if match is not None:
            indent = len(match["indent"])
            above = [*((width, key) for width, key in above if width < indent), (indent, match["key"])]
            both = [*comment, *([match["beside"]] if match["beside"] else [])]
            texts[".".join(key for _, key in above)] = "\n".join(both)
        comment = []
    for key in list(texts):
        first, second = SAME.get(file, ("", ""))
        if first and key.startswith(first) and not texts[key]:
            texts[key] = texts.get(second + key.removeprefix(first), "")
    return texts


def known_keys() -> dict[str, list[Key]]:
    """Every dotted key of a run or a reproduction, as each option that has it gives it; and every group."""
    keys: dict[str, list[Key]] = {}
    for key, value in _values(WHOLE).items():
        keys.setdefault(key, []).append(Key("", value, meanings(WHOLE).get(key, "")))
    for group in EXPLAINED:
        for name in options_of(group):
            file = f"{group}/{name}"
            for key, value in _values_of(group, name).items():
                if key != NAME:
                    known = Key(f"{group}={name}", value, meanings(file).get(key, ""))
                    keys.setdefault(f"{group}.{key}", []).append(known)
    return keys


def _values_of(group: str, name: str) -> dict[str, Any]:
    """The values of an option by its file, or of a choice without one by its settings."""
    values = _values(f"{group}/{name}")
    if values or group not in GROUPS:
        return values
    from nnrep.config.compose import default_values

    return flat(default_values(group, name))


def _values(file: str) -> dict[str, Any]:
    own = {key: value for key, value in defaults_of(file).items() if key not in ("defaults", "hydra")}
    return flat(own)


def meaning_lines(text: str, indent: str = "") -> Iterator[str]:
    """A comment as lines of a comment."""
    for line in text.splitlines():
        yield f"{indent}# {line}".rstrip()


def similar_keys(key: str) -> list[str]:
    """Keys that may have been meant: of the same last name in another group, or spelled alike."""
    keys = [*known_keys(), *EXPLAINED]
    last = key.rpartition(".")[2]
    elsewhere = [known for known in keys if known.rpartition(".")[2] == last and known != key]
    return elsewhere[:3] or difflib.get_close_matches(key, keys, n=2)
