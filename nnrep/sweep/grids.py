"""The points of several grids, as the overrides of Hydra jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString, ValueType

from nnrep.choices.settings import literal
from nnrep.config.overrides import STRUCTURE, check_override, reads_as_number, understood
from nnrep.errors import UserError
from nnrep.structures.patterns import matching_structures

Grid = Mapping[str, object]


def grid_points(
    grids: Sequence[Grid],
    overrides: Sequence[str],
    loader: ConfigLoader | None = None,
    folders: Sequence[str] = (),
) -> list[list[str]]:
    """The overrides of every point, grid after grid, the last key of a grid changing fastest.

    Args:
        grids: key -> value or values, separated by commas, in Hydra's grammar.
        overrides: of the command line; they take the place of a grid's key of the same name, and another
            choice of a group of the grid's keys in it. With no grids, they are the only one.
        loader: knows the options of groups, for patterns like reparam=glob(*).
        folders: where the entries of patterns like system.pdb=glob(2J*) are looked for.

    Raises:
        UserError: an override that cannot be read, or has no values.
    """
    parser = OverridesParser.create(config_loader=loader)
    given = dict(override.partition("=")[::2] for override in overrides)
    for override in overrides:
        check_override(override)
    points = []
    for whole in grids or [{}]:
        other = {f"{key}." for key, values in whole.items() if given.get(key, values) != values}
        grid = {key: values for key, values in whole.items() if not key.startswith(tuple(other))}
        lines = [f"{key}={'null' if values is None else values}" for key, values in grid.items()]
        lines = understood(lines, is_sweep=True)
        parsed = [_with_files(each, folders) for each in parser.parse_overrides([*lines, *overrides])]
        for each in parsed:
            _check_values(each, loader)
        (jobs,) = BasicSweeper.split_arguments(parsed, None)
        points += jobs
    return points


def distinct_compositions(jobs: Sequence[Sequence[str]], loader: ConfigLoader) -> list[Sequence[str]]:
    """One job for each set of choices and keys: those that differ in values only compose alike.

    Args:
        jobs: the overrides of each.
        loader: knows which keys are groups of choices.
    """

    @cache
    def is_choice(key: str) -> bool:
        return bool(loader.get_group_options(key.lstrip("+~").partition("@")[0]))

    def what_counts(override: str) -> str:
        key = override.partition("=")[0]
        return override if is_choice(key) else key

    return list({tuple(map(what_counts, job)): job for job in reversed(jobs)}.values())[::-1]


def _with_files(override: Override, folders: Sequence[str]) -> Override:
    """An override, with files in the place of its globs where its key names files.

    Raises:
        UserError: a glob in a place where none is known, or one that matches nothing.
    """
    value: Any = override._value
    choices = value.list if isinstance(value, ChoiceSweep) else [value]
    if override.key_or_group == STRUCTURE and any(map(_is_mended, choices)):
        listed: list[Any] = []
        for each in choices:
            listed += _quoted_files(each, folders) if isinstance(each, Glob) else [_as_text(each)]
        return replace(override, _value=ChoiceSweep(list=listed), value_type=ValueType.CHOICE_SWEEP)
    if not isinstance(value, Glob) and _has_glob(choices):
        reason = f"a glob stands alone or, of {STRUCTURE}, between commas"
        raise UserError(f"{override.input_line}: {reason}")
    return override


def _is_mended(value: Any) -> bool:
    return isinstance(value, Glob) or _as_text(value) is not value


def _as_text(value: Any) -> Any:
    """An entry that Hydra would take for a number once more, as functions such as choice unquote it: 1E10."""
    is_number = isinstance(value, str) and reads_as_number(value)
    return QuotedString(value, Quote.single) if is_number else value


def _has_glob(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_has_glob, value if isinstance(value, list) else value.values()))
    return isinstance(value, Glob)


def _quoted_files(glob: Glob, folders: Sequence[str]) -> list[QuotedString]:
    names = matching_structures(_texts(glob.include), _texts(glob.exclude), folders)
    return [QuotedString(literal(name), Quote.single) for name in names]


def _texts(patterns: Sequence[Any]) -> list[str]:
    return [each.text if isinstance(each, QuotedString) else str(each) for each in patterns]


def _check_values(override: Override, loader: ConfigLoader | None) -> None:
    """Raise `UserError` for a sweep over no values, which would run no job."""
    if not (override.is_sweep_override() and override.is_discrete_sweep()):
        return
    if any(True for _ in override.sweep_string_iterator()):
        return
    reason = "has no values, so that there is no job"
    if isinstance(override._value, Glob) and loader is not None:
        options = loader.get_group_options(override.key_or_group, ObjectType.CONFIG)
        known = f"options of a group, as in reparam=glob(*), or files, as in {STRUCTURE}=glob(*.pdb)"
        reason = f"matches none of {', '.join(options)}" if options else f"matches nothing; it takes {known}"
    raise UserError(f"{override.input_line}: {reason}")
