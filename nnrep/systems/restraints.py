"""Keys of systems of molecules that hold atoms: frozen ones, which never move, and harmonic restraints."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from nnrep.choices.identity import matters_if, part_if
from nnrep.energies.energy import Energy
from nnrep.energies.restraints import positional_restraints
from nnrep.errors import require
from nnrep.structures.selection import check_selection, selected
from nnrep.systems.measures import laid_on
from nnrep.systems.settings import SystemConfig

if TYPE_CHECKING:
    from openmm import app


# Keys that decide the energy, see `SystemConfig.energy_keys`.
RESTRAINT_KEYS = ("restraints", "restraint_strength", "restraint_reference")


FEWEST_IN_FRAME = 3  # atoms that fix a frame


class Reference(StrEnum):
    """Where restrained atoms are held: at the start, without noise, or as the native structure has them."""

    start = "start"
    native = "native"


def _restrains(system: Any) -> bool:
    return system.restraints is not None


_IF_RESTRAINED = {**part_if(_restrains), **matters_if(_restrains, "there are no system.restraints")}


@dataclass(kw_only=True)
class HoldingConfig(SystemConfig):
    """The keys that hold atoms of a molecule.

    Attributes:
        frozen: which atoms never move, see `nnrep.structures.selection`; null for none.
        restraints: which atoms are held by harmonic restraints; null for none.
        restraint_strength: k of 1/2 k |x - x0|^2, in kJ/mol/nm^2.
        restraint_reference: where they are held.
    """

    frozen: Any = field(metadata=part_if(lambda system: system.frozen is not None))
    restraints: Any = field(metadata=part_if(_restrains))
    restraint_strength: float = field(metadata=_IF_RESTRAINED)
    restraint_reference: Reference = field(metadata=_IF_RESTRAINED)

    @property
    def freezes(self) -> bool:
        """See `SystemConfig`."""
        return self.frozen is not None

    def check_holding(self, random: bool) -> None:
        """Check syntax and ranges.

        Args:
            random: whether the start is a cloud, which has no place for an atom.

        Raises:
            ConfigError: naming the key.
        """
        for key in ("frozen", "restraints"):
            if getattr(self, key) is not None:
                check_selection(getattr(self, key), key)
        strength = self.restraint_strength
        require(0 < strength < np.inf, "restraint_strength", "positive, in kJ/mol/nm^2", strength)
        if not random:
            return
        allowed = "null with start=random, which has no place for an atom"
        require(self.frozen is None, "frozen", allowed, self.frozen)
        held = self.restraints is None or self.restraint_reference is Reference.native
        allowed = "native with start=random, which has no place for an atom"
        require(held, "restraint_reference", allowed, self.restraint_reference.value)

    def check_held(self, topology: "app.Topology") -> None:
        """Raise `ConfigError` naming the key where a selection takes no atoms, or no atom is left to move."""
        self.restrained_atoms(topology)
        frozen = self.frozen_atoms(topology)
        left = frozen is None or not frozen.all()
        require(
            left, "system.frozen", "such that an atom is left to move", f"{self.frozen}, which is all atoms"
        )

    def frozen_atoms(self, topology: "app.Topology") -> np.ndarray | None:
        """Which atoms (n,) never move; None for none."""
        return None if self.frozen is None else selected(self.frozen, topology, "system.frozen")

    def frozen_count(self, topology: "app.Topology") -> int:
        """How many atoms never move."""
        frozen = self.frozen_atoms(topology)
        return 0 if frozen is None else int(frozen.sum())

    def restrained_atoms(self, topology: "app.Topology") -> np.ndarray | None:
        """Which atoms (n,) are restrained; None for none."""
        return None if self.restraints is None else selected(self.restraints, topology, "system.restraints")

    def restraint_energy(
        self, topology: "app.Topology", start: np.ndarray, native: np.ndarray
    ) -> Energy | None:
        """The energy of the restraints, if there are any; start and native structure are (n, 3) in nm.

        The native structure is laid on a start of another frame, such as that of a file: by frozen atoms, if
        these are enough, else by those that are restrained.
        """
        which = self.restrained_atoms(topology)
        if which is None:
            return None
        reference = start
        if self.restraint_reference is Reference.native:
            frozen = self.frozen_atoms(topology)
            fixed = which if frozen is None or frozen.sum() < FEWEST_IN_FRAME else frozen
            reference = native if np.array_equal(start, native) else laid_on(native, start, fixed)
        return positional_restraints(reference, self.restraint_strength * which)
