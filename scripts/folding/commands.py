"""The commands that have made searches and studies of energies, as the tables of figures have them."""

from collections.abc import Iterable

import pandas as pd

from folding.kept import Kept
from folding.study_files import Study
from nnrep.figures.command_log import COMMAND_COLUMNS


def commands_of(searches: Iterable[Kept], studies: Iterable[Study]) -> pd.DataFrame:
    """A row a command, of all that say how they were made; in the order of their dates."""
    made = pd.DataFrame([each.made._asdict() for each in (*searches, *studies) if each.made is not None])
    if made.empty:
        return pd.DataFrame(columns=COMMAND_COLUMNS)
    grouped = made.groupby(["command", "commit", "machine"], sort=False)
    table = grouped.agg(date=("date", "min"), runs=("date", "size"), wall_s=("wall_s", "sum")).reset_index()
    return table.assign(workers=1).sort_values("date", kind="stable").reindex(columns=COMMAND_COLUMNS)
