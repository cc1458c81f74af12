"""`OpenMMConfig`: what the baselines of OpenMM have in common."""

from dataclasses import dataclass, field

from nnrep.baselines.settings import BaselineConfig
from nnrep.baselines.simulation import check_machine
from nnrep.choices.identity import matters_if
from nnrep.structures.simulation import Solvent


@dataclass(kw_only=True)
class OpenMMConfig(BaselineConfig):
    """Where OpenMM runs, in which solvent, and what is kept.

    Attributes:
        solvent: vacuum, implicit or explicit, where the system has none.
        platform: of OpenMM.
        threads: of platform CPU, null for all; with more than one, sums come in another order each time.
        record_every: steps or iterations from one row of the history to the next.
    """

    solvent: Solvent
    platform: str
    threads: int | None = field(
        metadata=matters_if(
            lambda baseline: baseline.platform == "CPU",
            lambda baseline: f"baseline.platform={baseline.platform} has no threads of its own",
        )
    )
    record_every: int

    def check_machine(self) -> None:
        """See `nnrep.baselines.simulation.check_machine`."""
        check_machine(self.platform, self.threads)

    @property
    def own_solvent(self) -> str | None:
        """See `BaselineConfig`."""
        return None if self.solvent is Solvent.vacuum else self.solvent.name
