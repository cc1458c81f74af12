"""What is searched: a peptide in a solvent, from its extended chain; how frames are quenched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from folding.problem_names import ProblemNames, names_of
from nnrep.choices.settings import build
from nnrep.exploration.driver import sampler_of
from nnrep.exploration.quench import Quenched, quench_stages, quenched
from nnrep.exploration.settings import TEMPERATURES_K, ExploreConfig
from nnrep.exploration.shape import Shape
from nnrep.minimization import Stage, lbfgs
from nnrep.reparam.base import Reparametrization
from nnrep.structures.force_field import Continuum
from nnrep.systems.protein import ProteinConfig
from nnrep.systems.system import System

QUENCH_EVERY = 2500  # steps
RMS_FORCE = 5.0  # kJ/mol/nm, of quenches
FOLDED = 2.0  # Angstrom: CA RMSD to the native structure below which a minimum counts as native


@dataclass(frozen=True)
class Problem:
    """A peptide.

    Attributes:
        system: its energy, from the extended chain.
        shape: what is said of minima.
        stages: of a quench with free positions.
        names: of the peptide, its energy and its start.
        continuum: the solvent as OpenMM has it; None: vacuum.
    """

    system: System
    shape: Shape
    stages: tuple[Stage, ...]
    names: ProblemNames
    continuum: Continuum | None = None

    def quench(self, positions: np.ndarray, stages: Sequence[Stage] | None = None) -> Quenched:
        """The minimum below positions (n, 3)."""
        stages = stages or self.stages
        most = stages[-1].max_steps  # of all stages, as the last one may take what the quench may
        assert most is not None
        minimum = quenched(self.system, stages, positions, most)
        assert minimum is not None
        return minimum

    def annealed(self, positions: np.ndarray) -> np.ndarray:
        """Positions (n, 3) after the annealing that `nnrep explore` begins a quench with."""
        config = explore_config(temperatures_k=[TEMPERATURES_K[0]])
        sampler = sampler_of(self.system, config)
        steps = config.quench.annealing(self.system.energy_unit)
        return sampler.annealed(sampler.start(0, positions), steps)[0]


def explore_config(**changed: Any) -> ExploreConfig:
    """Settings of `nnrep explore` but for some keys."""
    usual = {"quench_every": QUENCH_EVERY, "quench": {"rms_force": RMS_FORCE}}
    return build(ExploreConfig, usual | changed)


def stages_through(reparam: Reparametrization | None) -> tuple[Stage, ...]:
    """Of a quench through a map, and then with free positions."""
    return quench_stages(explore_config().quench, "kJ/mol", lbfgs(), reparam)


def problem_of(pdb: str, solvent: str, force_field: str, structures: Sequence[str], start: str) -> Problem:
    """A structure of the Protein Data Bank, in the folders or fetched; padded, as `nnrep explore` has it."""
    config = build(
        ProteinConfig,
        {"pdb": pdb, "start": start, "solvent": solvent, "force_field": force_field},
    )
    system = config.build(config.molecule(list(structures)), padded=True)
    names = names_of(pdb, solvent, force_field, start)
    return Problem(system, Shape.of(system), stages_through(None), names, config.continuum)
