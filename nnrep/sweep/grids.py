"""The points of several grids, as the overrides of Hydra jobs."""

from collections.abc import Mapping, Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from nnrep.errors import UserError

Grid = Mapping[str, object]


def grid_points(
    grids: Sequence[Grid], overrides: Sequence[str], loader: ConfigLoader | None = None
) -> list[list[str]]:
    """The overrides of every point, grid after grid, the last key of a grid changing fastest.

    Args:
        grids: key -> value or values, separated by commas, in Hydra's grammar.
        overrides: of the command line; they take the place of a grid's key of the same name, and another
            choice of a group of the grid's keys in it. With no grids, they are the only one.
        loader: knows the options of groups, for patterns like reparam=glob(*).

    Raises:
        UserError: an override that cannot be read.
    """
    parser = OverridesParser.create(config_loader=loader)
    given = dict(override.partition("=")[::2] for override in overrides)
    for override in overrides:
        try:
            parser.parse_override(override)
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{override}: cannot be read, {reason}") from error
    points = []
    for whole in grids or [{}]:
        other = {f"{key}." for key, values in whole.items() if given.get(key, values) != values}
        grid = {key: values for key, values in whole.items() if not key.startswith(tuple(other))}
        lines = [f"{key}={'null' if values is None else values}" for key, values in grid.items()]
        (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides([*lines, *overrides]), None)
        points += jobs
    return points
