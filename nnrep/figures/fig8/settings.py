"""Figure 8's settings: which are allowed, which are best, and what is known of them."""

import pandas as pd

from nnrep.config.schema import RunConfig
from nnrep.errors import require
from nnrep.figures.analysis.labels import COARSE_GRAINED, PLAIN
from nnrep.figures.analysis.problems import MinimizationProblem, of_problem, problems_of
from nnrep.figures.analysis.selection import lowest
from nnrep.figures.checks import check_methods
from nnrep.figures.comparison import Comparison
from nnrep.figures.evidence import Evidence
from nnrep.figures.notes.classical import notes_on_energy
from nnrep.systems.measures import ANGSTROM_PER_NM
from nnrep.systems.protein import Start

# Seeds are added to the problem that earlier tables left open, with other numbers of modes. So many fresh
# ones a side were known when the rule was made, and do not count.
UNDECIDED, KNOWN_SEEDS = ("1PLW", Start.random.value), 26
# Of seeds that are added: the budget a side, and a difference of energies in kJ/mol that counts as none.
PEPTIDE_SEEDS, PEPTIDE_MARGIN = 50, 25.0
ALLOWED_STARTS = (Start.extended, Start.random)


def best_of(summary: pd.DataFrame, problem: MinimizationProblem, reparam: str) -> pd.Series | None:
    """The setting of a method with the lowest mean energy; None if there is none without a diverged run."""
    settings = of_problem(summary, problem)
    return lowest(settings[settings["reparam"] == reparam])


def repeated(summary: pd.DataFrame) -> list[str]:
    """Of every problem the best setting of CG, and GD."""
    methods = (COARSE_GRAINED, PLAIN)
    picked = [best_of(summary, problem, name) for problem in problems_of(summary) for name in methods]
    return [str(setting["config_hash"]) for setting in picked if setting is not None]


def comparison_name(problem: MinimizationProblem) -> str:
    """How the comparison of CG's energy with GD's is called."""
    return f"{problem.structure}, {problem.start} start: energy of CG less GD"


def comparisons(summary: pd.DataFrame) -> list[Comparison]:
    """CG against GD of the problem that fresh seeds had left open, by others than those."""
    chosen = [problem for problem in problems_of(summary) if (problem.structure, problem.start) == UNDECIDED]
    pairs = []
    for problem in chosen:
        cg, gd = (best_of(summary, problem, name) for name in (COARSE_GRAINED, PLAIN))
        if cg is not None and gd is not None:
            hashes = cg["config_hash"], gd["config_hash"]
            numbers = PEPTIDE_SEEDS, PEPTIDE_MARGIN
            pairs.append(Comparison(comparison_name(problem), *hashes, *numbers, known=KNOWN_SEEDS))
    return pairs


def check_setting(config: RunConfig) -> None:
    """Raise `ConfigError` for what is not compared here."""
    check_methods(config)
    start = config.system.start
    require(
        start in ALLOWED_STARTS, "system.start", "extended or random in figure 8", config.system.start_name
    )


def notes_of(evidence: Evidence) -> list[str]:
    """What is known of learning rates, starts and seeds."""
    fine, coarse = (_rates(evidence.runs[name]) for name in ("learning_rate", "learning_rate_coarse"))
    return [
        f"Learning rates in A: of the positions {fine}, of CG's modes {coarse}, for its first half of the "
        "steps. The paper has 1e-2, which is taken to be in A. GD at a higher rate was not run here.",
        "CG begins at the start's projection onto its modes, whose energy is another one (E start CG).",
        *notes_on_energy(evidence),
    ]


def _rates(rates: pd.Series) -> str:
    """Learning rates of nm, in Angstrom."""
    return " or ".join(f"{ANGSTROM_PER_NM * rate:g}" for rate in rates.dropna().unique()) or "none"
