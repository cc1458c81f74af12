"""The text of REPORT.md."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from folding.claims import SMALL
from folding.described import described, in_order
from folding.kept import Kept, Made
from folding.openmm_speed import PS_PER_NS, S_PER_HOUR
from folding.problem import FOLDED, RMS_FORCE
from folding.problem_names import ProblemNames
from folding.report_energies import energies_part, unrecorded
from folding.study_files import Study
from folding.survival import FEWEST, RESAMPLES, known_in_words
from nnrep.figures.claim import totals
from nnrep.figures.markdown import formatted, formatted_table, markdown_table
from nnrep.figures.report import COMMAND_TITLES

TITLE = "Folding: do slow modes and maps help?"
NOT_REACHED = "not reached"
MILLION = 1e6
NEAREST = (
    " The nearest to native that was seen, which the energy does not select, is in the table's last columns."
)
INTRODUCTION = (
    "Searches for the native structure of a peptide, each from its extended chain and by energy alone: an "
    f"arm moves the chain, frames are quenched by L-BFGS to an RMS force of {RMS_FORCE:g} kJ/mol/nm, and "
    "the lowest minimum is what a search has found. The native structure decides nothing but when a search "
    "ends. Searches of a problem have the same energy and the same start, as the file beside each says; how "
    "many searches an arm has is in the tables."
)
TIMES_EXPLAINED = (
    f"A search has folded at the first moment from which on its lowest minimum is within {FOLDED:g} A (CA) "
    "of the native structure, to its end; a native minimum that gives way to a lower one does not count. It "
    "ends with its budget, or sooner: where its command has `--energy`, once that minimum is below it, and "
    "none elsewhere is known to be. One "
    "that has not folded by then is censored: its time is longer than it was watched. Curves and medians "
    "are those of Kaplan and Meier, intervals (95 %) of medians of Brookmeyer and Crowley, of "
    f"{FEWEST} searches and more. Evaluations are of energy or forces, of dynamics and quenches together; a "
    "step of dynamics is one, also where the solvent's forces act in every second step only. ns are of all "
    "replicas together; processor time is of one thread, with the compilation of a process's first search."
)
TESTS_EXPLAINED = (
    "Two arms are compared by the log-rank test (two-sided, 5 %) up to the time to which searches of both "
    f"were watched; and by the ratio of their medians, with an interval (95 %) from {RESAMPLES} resampled "
    "sets. "
    "An arm is known to the last time of a search at which more than half of its searches are known: "
    "they have folded by then, or are still watched. A median that is not reached is above that time, and no "
    "more is known. A claim is not tested where an arm lacks ten searches; processor times are compared "
    "where all searches of two arms ran on one kind of processor. Claims are tested one by one: of twenty "
    "that are decided at 95 %, one may be wrong."
)
SUMMARY_TITLES = {
    "arm": ("arm", "{}"),
    "searches": ("searches", "{}"),
    "folded": ("folded", "{}"),
    "evaluations": ("10^6 evaluations to fold", "{}"),
    "cpu": ("processor time / h", "{}"),
    "ns": ("dynamics / ns", "{}"),
    "energy": ("lowest / kJ/mol", "{:.2f}"),
    "rmsd_ca": ("its RMSD / A", "{:.2f}"),
    "nearest_rmsd_ca": ("nearest seen / A", "{:.2f}"),
    "nearest_energy": ("its energy / kJ/mol", "{:.2f}"),
}
COMPARISON_TITLES = {
    "arm": ("arm", "{}"),
    "other": ("beside", "{}"),
    "measure": ("by", "{}"),
    "limit": ("up to", "{:.3g}"),
    "p": ("log-rank p", "{:.2g}"),
    "ratio": ("ratio of medians", "{:.2g}"),
    "interval": ("95 %", "{}"),
}
FILES = (
    "Files: `searches.csv` (a row a search), `summary.csv` (a row an arm, more columns), `comparisons.csv` "
    "(a row a pair of arms and a measure), `claims.csv`, `commands.csv`, "
    "`quenches/PROBLEM/ARM-SEED.csv.gz` (a row a quench), `ARM-SEED.json` beside it (how it was made), the "
    "pictures, and PDFs of them. `energies-PDB.csv`, if there is one, is of `scripts/bench_folding "
    "energies`; `scripts/bench_folding report FOLDER` makes all but that and the quenches again."
)


class Tables(NamedTuple):
    """What follows from the searches: a row a search, an arm, a pair of arms, a claim, a command."""

    searches: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    claims: pd.DataFrame
    commands: pd.DataFrame


def page(
    kept: Sequence[Kept],
    tables: Tables,
    problems: Mapping[str, ProblemNames],
    studies: Mapping[str, Study],
) -> str:
    """The whole text.

    Args:
        kept: all searches.
        tables: what follows from them.
        problems: the names of each, see `common_names`.
        studies: see `folding.energy_study`, by problem.
    """
    ordered = sorted(problems, key=lambda problem: (problem != SMALL, problem))
    parts = [
        f"# {TITLE}",
        INTRODUCTION,
        "## Claims",
        f"{totals(tables.claims)} {TESTS_EXPLAINED}",
        markdown_table(list(tables.claims.columns), tables.claims.to_numpy().tolist()),
        "## Arms",
        _arms(kept),
        "## Times",
        TIMES_EXPLAINED,
        *(part for problem in ordered for part in _problem(problem, tables, problems[problem], studies)),
        "## How it was made",
        _circumstances(kept, tables.searches, studies),
        *([formatted_table(tables.commands, COMMAND_TITLES)] if len(tables.commands) else []),
        FILES,
    ]
    return "\n\n".join(parts) + "\n"


def _arms(kept: Sequence[Kept]) -> str:
    rows = []
    for arm in in_order([search.arm for search in kept]):
        tables = [search.table for search in kept if search.arm == arm]
        kelvin = np.unique(np.concatenate([table["temperature"].dropna() for table in tables]).round())
        rows.append([described(arm).title, f"`{arm}`", described(arm).does, _temperatures(kelvin)])
    return markdown_table(["arm", "name", "what it does", "temperatures / K"], rows)


def _temperatures(kelvin: np.ndarray) -> str:
    few = 6
    if len(kelvin) <= few:
        return ", ".join(f"{each:g}" for each in kelvin)
    return f"{kelvin.min():g} to {kelvin.max():g}"


def _problem(problem: str, tables: Tables, names: ProblemNames, studies: Mapping[str, Study]) -> list[str]:
    """Pictures and tables of a problem."""
    searches, own, pairs = (table[table["problem"] == problem] for table in tables[:3])
    lowest = searches.sort_values("energy").iloc[0]
    survival = [
        f"![Share of searches of {problem} that have not folded](survival-{problem}.png)",
        "Share of searches that have not folded, against evaluations and against processor time; a tick is "
        "a search that ended without it.",
    ]
    nearest = "" if np.isnan(lowest["rmsd_ca"]) else NEAREST
    any_folded = bool(own["folded"].any())
    return [
        f"## {problem}",
        _named(names),
        *(survival if any_folded else ["No search has folded."]),
        f"![Energy of quenches of {problem}](funnel-{problem}.png)",
        "All quenches of all seeds; a triangle is the lowest minimum of a search, full where it is native.",
        formatted_table(_shown_summary(own), SUMMARY_TITLES),
        f"By energy: the lowest minimum of all searches has {lowest['energy']:.2f} kJ/mol"
        f"{_at(lowest['rmsd_ca'])} ({described(lowest['arm']).title}, seed {lowest['seed']}).{nearest}",
        *([formatted_table(_shown_pairs(pairs), COMPARISON_TITLES)] if any_folded and len(pairs) else []),
        *(energies_part(studies[problem], searches, names) if problem in studies else []),
    ]


def _named(names: ProblemNames) -> str:
    """What all searches of a problem have in common."""
    listed = [
        f"{title} `{value}`"
        for title, value in (
            ("structure", names.pdb),
            ("force field", names.force_field),
            ("solvent", names.solvent),
            ("start", names.start),
        )
        if value is not None
    ]
    return f"All searches: {', '.join(listed) or 'of a problem that is not recorded'}."


def _at(rmsd: float) -> str:
    return "" if np.isnan(rmsd) else f" and is {rmsd:.2f} A (CA) from the native structure"


def _shown_summary(summary: pd.DataFrame) -> pd.DataFrame:
    """With medians and their intervals in words."""
    return summary.assign(
        arm=[described(arm).title for arm in summary["arm"]],
        evaluations=_medians(summary, "evaluations", MILLION),
        cpu=_medians(summary, "cpu_s", S_PER_HOUR),
        ns=_medians(summary, "ps", PS_PER_NS),
    )


def _medians(summary: pd.DataFrame, measure: str, scale: float) -> list[str]:
    columns = [summary[f"{measure}_{part}"] / scale for part in ("median", "low", "high", "known_to")]
    counts = [summary[f"{measure}_{part}"] for part in ("folded", "watched")]
    return [_median_in_words(*values) for values in zip(*columns, *counts, strict=True)]


def _median_in_words(
    value: float, low: float, high: float, known_to: float, folded: float, watched: float
) -> str:
    if np.isnan(value):
        return ""
    if not np.isfinite(value):
        return f"{NOT_REACHED} in {known_to:.3g} ({known_in_words(int(folded), int(watched))})"
    if low == 0 and not np.isfinite(high):
        return f"{value:.3g} (no interval: fewer than {FEWEST} searches)"
    return f"{value:.3g} ({low:.3g} to {formatted('{:.3g}', high) if np.isfinite(high) else NOT_REACHED})"


def _shown_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    words = {"evaluations": "evaluations", "cpu_s": "processor time / s"}
    highs = [f"{high:.2g}" if np.isfinite(high) else "any" for high in pairs["ratio_high"]]
    return pairs.assign(
        arm=[described(arm).title for arm in pairs["arm"]],
        other=[described(arm).title for arm in pairs["other"]],
        measure=pairs["measure"].map(words),
        interval=[f"{low:.2g} to {high}" for low, high in zip(pairs["ratio_low"], highs, strict=True)],
    )


def _circumstances(kept: Sequence[Kept], searches: pd.DataFrame, studies: Mapping[str, Study]) -> str:
    made = [search.made for search in kept if search.made is not None]
    lines = [
        f"- {name}: {'; '.join(dict.fromkeys(values)) or 'unknown'}"
        for name, values in (
            ("machines", [each.machine for each in made]),
            ("commits", [each.commit for each in made]),
            ("versions", [each.versions for each in made]),
        )
    ]
    lines.append(
        f"- searches: {len(searches)}, in sum {searches['cpu_s'].sum() / S_PER_HOUR:.1f} h of processor time"
    )
    lines += _earlier_rule(kept)
    if len(made) < len(kept):
        lines.append(f"- {len(kept) - len(made)} searches are of commands that are not recorded here")
    lines += unrecorded(studies)
    return "\n".join(lines)


def _earlier_rule(kept: Sequence[Kept]) -> list[str]:
    """Which searches ended before their budget without an energy that would have ended them."""
    early = [search for search in kept if search.made and _ended_without_energy(search.table, search.made)]
    if not early:
        return []
    listed = ", ".join(f"{described(search.arm).title} {search.seed}" for search in early)
    return [
        "- ended by an earlier rule, once the lowest minimum had been native for 3 % of the budget, so that "
        f"their commands lead to longer searches today: {listed}"
    ]


def _ended_without_energy(table: pd.DataFrame, made: Made) -> bool:
    last = table.iloc[-1]
    seconds = np.inf if made.budget_cpu_s is None else made.budget_cpu_s
    used = last["evaluations"] >= made.budget_evaluations or last["cpu_s"] >= seconds
    return made.budget_energy is None and not used
