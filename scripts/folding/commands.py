"""The commands that have made searches, as the tables of figures have them."""

from collections.abc import Iterable

import pandas as pd

from folding.kept import Kept
from nnrep.figures.command_log import COMMAND_COLUMNS


def commands_of(searches: Iterable[Kept]) -> pd.DataFrame:
    """A row a command, of the searches that say how they were made; in the order of their dates."""
    made = pd.DataFrame([search.made._asdict() for search in searches if search.made is not None])
    if made.empty:
        return pd.DataFrame(columns=COMMAND_COLUMNS)
    grouped = made.groupby(["command", "commit", "machine"], sort=False)
    table = grouped.agg(date=("date", "min"), runs=("date", "size"), wall_s=("wall_s", "sum")).reset_index()
    return table.assign(workers=1).sort_values("date", kind="stable").reindex(columns=COMMAND_COLUMNS)
