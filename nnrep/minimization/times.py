"""What a minimisation's seconds went to."""

from typing import Any

import numpy as np


class Times:
    """Seconds of each replica (s,), and those of compilation, which serves all.

    Attributes:
        modes_s: of maps that take modes where their stage begins.
        fit_s: of fitting maps to their start.
        minimize_s: of the loop.
        compile_s: of tracing and compilation.
        earlier_s: of all these together, what was spent before an interruption.
    """

    def __init__(self, count: int) -> None:
        """Nothing yet, of so many replicas."""
        self.modes_s, self.fit_s, self.minimize_s = np.zeros(count), np.zeros(count), np.zeros(count)
        self.compile_s = self.earlier_s = 0.0

    def prepared_s(self) -> float:
        """Modes and fits of all replicas."""
        return float(self.modes_s.sum() + self.fit_s.sum())

    def snapshot(self) -> dict[str, Any]:
        """All of it, as arrays."""
        names = ("modes_s", "fit_s", "minimize_s", "compile_s")
        return {name: np.asarray(getattr(self, name)) for name in names}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot, on top of what was spent since this process has begun."""
        spent = (snapshot[name].sum() for name in ("compile_s", "fit_s", "modes_s", "minimize_s"))
        self.earlier_s = float(sum(spent))
        self.compile_s += float(snapshot["compile_s"])
        self.fit_s += snapshot["fit_s"]
        self.modes_s += snapshot["modes_s"]
        self.minimize_s = snapshot["minimize_s"]
