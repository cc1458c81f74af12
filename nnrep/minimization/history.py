"""What is kept of the checks on the way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.errors import require

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["seed", "stage", "step", "time_s", "energy", "gradient_norm"]


def measure_names(shapes: Any) -> list[str]:
    """The names of a system's measures, from what JAX says of the shapes of their values.

    Raises:
        ConfigError: they are not numbers by name, or have names of other columns.
    """
    allowed = "a function of the positions that gives a dict of scalars"
    usable = isinstance(shapes, dict) and all(getattr(each, "shape", None) == () for each in shapes.values())
    require(usable, "measure", allowed, shapes)
    taken = [name for name in shapes if name in COLUMNS]
    require(not taken, "measure", f"a dict of names other than {', '.join(COLUMNS)}", ", ".join(taken))
    return list(shapes)


class History:
    """A row a check."""

    def __init__(self, measures: Sequence[str], seeds: Sequence[int]) -> None:
        """Nothing yet, of these seeds; `measures` are columns beside `COLUMNS`."""
        self.columns = [*COLUMNS, *measures]
        self._order = {seed: place for place, seed in enumerate(seeds)}
        self._rows: list[pd.DataFrame] = []

    def add(self, columns: Sequence[np.ndarray]) -> None:
        """Keep rows, by their columns."""
        if len(columns[0]) == 0:  # of a snapshot without rows, whose columns have no types
            return
        import pandas as pd  # no step waits for it: rows come after the first ones

        self._rows.append(pd.DataFrame(dict(zip(self.columns, columns, strict=True))))

    def table(self) -> "pd.DataFrame":
        """All rows, seed by seed in the order of their steps."""
        import pandas as pd

        if not self._rows:
            return pd.DataFrame(columns=self.columns)
        rows = pd.concat(self._rows)
        order = rows["seed"].map(self._order)
        return rows.iloc[np.lexsort((rows["step"], order))].reset_index(drop=True)

    def snapshot(self) -> list[np.ndarray]:
        """The columns as arrays."""
        table = self.table()
        return [as_array(table[name]) for name in self.columns]

    def restore(self, snapshot: Sequence[np.ndarray]) -> None:
        """Go on from a snapshot."""
        self._rows = []
        self.add(snapshot)


def as_array(column: "pd.Series") -> np.ndarray:
    """A column of numbers as it is, or of strings in NumPy's own type."""
    values = column.to_numpy()
    return values if np.issubdtype(values.dtype, np.number) else np.asarray(column.tolist())
