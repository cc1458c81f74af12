"""Figure 6's claims, panel by panel."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnrep.figures.analysis.labels import GD, NETWORK, PLAIN
from nnrep.figures.analysis.races import seconds_to_the_others_end
from nnrep.figures.analysis.selection import energies_of
from nnrep.figures.analysis.statistics import below, combined, differ, lower
from nnrep.figures.analysis.summary import with_times
from nnrep.figures.claim import Claim, Verdict, Whose, on_wall_time
from nnrep.figures.evidence import Evidence
from nnrep.figures.fig6.settings import (
    BEST_OF,
    at_first_start,
    best_runs,
    first_runs,
    fresh_runs,
    labelled,
    mean_energy,
    minimized,
    minimizers_of,
    networks_of,
    of_all_starts,
    openmm_energies,
)
from nnrep.figures.needs import (
    Need,
    rows_where,
    runs_needed,
    steps_needed,
    structures_needed,
    values_needed,
)
from nnrep.figures.proteins import (
    CHEMICAL_ACCURACY,
    FITTED_TO_START,
    NEAR_COPIES,
    at_max_steps,
    clamp_caveats,
    cut_caveats,
    network_need,
    stopping_need,
)
from nnrep.systems.protein import SOLVATED

FRESH_SEEDS = 40  # by which the best rates are compared, and their energies distributed
PUBLISHED_RANGE = (-1925.0, -1825.0)  # kJ/mol, of the plot
BEST_OF_FEW = "numbers compared, as there: the best of three, which flatters methods of much scatter"
INFERRED = "start, force field and tolerance are inferred from the plot's range"
STAR_AND_LINE = (
    "star and dashed line taken to be OpenMM's minimiser after 5000 and 10 000 iterations, or at its end"
)
AT_A_TOLERANCE = (
    "where OpenMM's minimiser ends is a matter of its tolerance (kJ/mol/nm), which the paper does not give"
)
OPENMM_END = f"as low as OpenMM's run of the same seed ends, but for {CHEMICAL_ACCURACY:g} kJ/mol"
OPENMM_FORCE_FIELD = "amber14"  # that of OpenMM's minimiser


def _fewest_fresh(evidence: Evidence) -> str:
    """How few fresh runs a best setting has, if too few."""
    counts = evidence.repeats.groupby("config_hash").size()
    fewest = 0 if counts.empty else int(counts.min())
    return f"{fewest} fresh seeds of best rates" if fewest < FRESH_SEEDS else ""


RATE_NEEDS = (
    structures_needed(["2JOF"]),
    values_needed("start", ["native"], "start"),
    values_needed("potential", [OPENMM_FORCE_FIELD], "force field"),
    network_need(300),
    stopping_need(),
    steps_needed(5000),
    runs_needed(BEST_OF),
    values_needed("learning_rate", (1e-2, 1e-3, 1e-4, 1e-5), "GD's rates", rows_where(reparam=PLAIN)),
    values_needed("learning_rate_coarse", (1e-4, 1e-5, 1e-6), "GNN's rates", rows_where(reparam=NETWORK)),
)
BEST_RATE_NEEDS = (*RATE_NEEDS, Need(f"{FRESH_SEEDS} fresh seeds of best rates", _fewest_fresh))


def claims_of(evidence: Evidence) -> list[Claim]:
    """Panel by panel."""
    runs = minimized(labelled(evidence.runs))
    networks = networks_of(runs)
    methods = (GD, *networks)
    minimizers = minimizers_of(evidence)
    caveats = (INFERRED, NEAR_COPIES, *clamp_caveats(evidence))
    of_first_start = cut_caveats(evidence, at_first_start(runs))
    of_all = (*cut_caveats(evidence, of_all_starts(runs)), FITTED_TO_START)
    of_repeats = cut_caveats(evidence, evidence.repeats)
    of_grid = [
        *(_lower_at_all_rates(runs, name) for name in networks),
        *(_below_openmm(evidence, *each) for each in minimizers.items()),
        _in_range(runs, methods),
    ]
    of_starts = [
        *(_depends_on_start(runs, name) for name in methods),
        *(_lower_from_all_starts(runs, name) for name in networks),
    ]
    of_fresh = [
        *(_lower_at_best(evidence, name) for name in networks),
        *(_best_are_lower_than_openmm(evidence, methods, *each) for each in minimizers.items()),
    ]
    of_time = [_openmm_is_faster(evidence, name, *each) for each in minimizers.items() for name in methods]
    return [
        *(_completed(claim, RATE_NEEDS, (*caveats, *of_first_start)) for claim in of_grid),
        *(_completed(claim, RATE_NEEDS, (*caveats, *of_all)) for claim in of_starts),
        *(_completed(claim, BEST_RATE_NEEDS, (*caveats, *of_repeats)) for claim in of_fresh),
        *(on_wall_time(_completed(claim, BEST_RATE_NEEDS, (*caveats, *of_repeats))) for claim in of_time),
    ]


def _completed(claim: Claim, needs: tuple[Need, ...], caveats: tuple[str, ...]) -> Claim:
    return claim._replace(needs=needs, caveats=(*claim.caveats, *caveats))


def _below_openmm(evidence: Evidence, tolerance: float, setting: str) -> Claim:
    """Star and dashed line against the best of a few runs of every method and rate."""
    claim = (
        f"OpenMM's minimiser, tolerance {tolerance:g}, is above GD, GNN1 and GNN2 at every rate, after 5000 "
        "iterations and after 10 000"
    )
    source, caveats = "figure 6a, star and dashed line", (BEST_OF_FEW, STAR_AND_LINE, AT_A_TOLERANCE)
    first = first_runs(at_first_start(labelled(evidence.runs)))
    best = best_runs(minimized(first))
    openmm = openmm_energies(evidence, setting)
    if best.empty or not openmm:
        return Claim(claim, source, "no runs of both without divergence", Verdict.undecided, caveats=caveats)
    highest = best.sort_values("energy", kind="stable").iloc[-1]
    energies = ", ".join(f"{energy:.1f} after {step}" for step, energy in openmm.items())
    measured = (
        f"OpenMM {energies}; the highest best is {highest['method']} at {highest['learning_rate']:g}, "
        f"{highest['energy']:.1f}{at_max_steps(best)}"
    )
    count = int(first.groupby("config_hash")["seed"].count().min())
    # A rate at which all runs diverged is above everything.
    complete = len(best) == minimized(first)["config_hash"].nunique()
    verdict = Verdict.holds if complete and min(openmm.values()) > highest["energy"] else Verdict.fails
    known = count >= BEST_OF
    return Claim(claim, source, measured, verdict if known else Verdict.undecided, caveats=caveats)


def _in_range(runs: pd.DataFrame, methods: Sequence[str]) -> Claim:
    """Whether our energies are of the plot's size, so that it is the same experiment."""
    low, high = PUBLISHED_RANGE
    claim = f"GD, GNN1 and GNN2 at their best rates end within the plot's range, {low:g} to {high:g}"
    best = best_runs(at_first_start(runs))
    lowest = best.loc[best.groupby("method")["energy"].idxmin()].set_index("method")
    energies = {name: lowest["energy"].get(name, np.nan) for name in methods}
    inside = all(low <= energy <= high for energy in energies.values())
    listed = ", ".join(f"{name} {energy:.1f}" for name, energy in energies.items())
    measured = f"{listed}{at_max_steps(lowest)}"
    verdict = Verdict.holds if inside else Verdict.fails
    known = len(best) > 0 and int(runs.groupby("config_hash")["seed"].count().min()) >= BEST_OF
    verdict_of_few = verdict if known else Verdict.undecided
    return Claim(claim, "of figure 6a", measured, verdict_of_few, Whose.ours, caveats=(BEST_OF_FEW,))


def _lower_at_all_rates(runs: pd.DataFrame, network: str) -> Claim:
    """As the figure has it, the best of a few runs: the network's worst rate against GD's best one."""
    first = first_runs(at_first_start(runs))
    first = first.assign(energy=energies_of(first))
    ours, theirs = (
        first[first["method"] == name].groupby("learning_rate")["energy"].min() for name in (network, GD)
    )
    count = int(first.groupby("config_hash")["seed"].count().min()) if len(first) else 0
    known = count >= BEST_OF and len(ours) > 1 and len(theirs) > 1
    known = known and bool(np.isfinite(theirs.min()))  # two methods that diverge are not compared
    verdict = Verdict.undecided
    if known:
        verdict = Verdict.holds if ours.max() < theirs.min() else Verdict.fails
    energies = f"{_listed(network, ours)}; {_listed(GD, theirs)}"
    compared = first[first["method"].isin([network, GD])]
    measured = f"best of {count} (learning rate of the positions): {energies}{at_max_steps(compared)}"
    claim = f"{network} ends lower than GD at all learning rates, whichever GD has"
    return Claim(claim, "figure 6a", measured, verdict, caveats=(BEST_OF_FEW,))


def _listed(name: str, energies: pd.Series) -> str:
    """ "GD -1335.4 (0.01), -1645.2 (0.001)"."""
    each = (f"{energy:.1f} ({rate:g})" for rate, energy in energies[::-1].items())
    return f"{name} {', '.join(each)}"


def _lower_at_best(evidence: Evidence, network: str) -> Claim:
    runs = [fresh_runs(evidence, name) for name in (network, GD)]
    ours, theirs = map(energies_of, runs)
    seen, verdict = lower(ours.to_numpy(), theirs.to_numpy())
    measured = (
        f"means of {len(ours)} fresh seeds {network} {ours.mean():.1f}, GD {theirs.mean():.1f}; "
        f"difference {seen}{at_max_steps(pd.concat(runs))}"
    )
    claim = f"the best learning rate of {network} ends lower than that of GD"
    return Claim(claim, "of figure 6a", measured, verdict, Whose.ours)


def _best_are_lower_than_openmm(
    evidence: Evidence, methods: Sequence[str], tolerance: float, setting: str
) -> Claim:
    """OpenMM's minimiser against rates at which the others come near to rest in their steps."""
    claim = f"OpenMM's minimiser, tolerance {tolerance:g}, is above GD, GNN1 and GNN2 at their best rates"
    source, caveats = "of figure 6a", (AT_A_TOLERANCE,)
    theirs = evidence.repeats[evidence.repeats["config_hash"] == setting]
    runs = {name: fresh_runs(evidence, name) for name in methods}
    lacking = _not_comparable(theirs, *runs.values())
    if lacking:
        return Claim(claim, source, lacking, Verdict.undecided, Whose.ours, caveats=caveats)
    openmm = energies_of(theirs)
    tests = {
        name: lower(energies_of(own).to_numpy(), openmm.to_numpy(), len(runs)) for name, own in runs.items()
    }
    differences = "; ".join(f"{name} less OpenMM {seen}" for name, (seen, _) in tests.items())
    measured = (
        f"mean of {len(openmm)} fresh seeds OpenMM {openmm.mean():.1f}; "
        f"{differences}{at_max_steps(pd.concat(runs.values()))}"
    )
    verdict = combined([verdict for _, verdict in tests.values()])
    return Claim(claim, source, measured, verdict, Whose.ours, caveats=caveats)


def _not_comparable(theirs: pd.DataFrame, *others: pd.DataFrame) -> str:
    """Why runs of OpenMM's minimiser cannot be compared with others, if they cannot."""
    if theirs.empty or any(own.empty for own in others):
        return "no runs of both"
    if theirs["potential"].iloc[0].partition(SOLVATED)[0] != OPENMM_FORCE_FIELD:
        return f"OpenMM minimises {OPENMM_FORCE_FIELD}, the others {theirs['potential'].iloc[0]}"
    return ""


def _openmm_is_faster(evidence: Evidence, name: str, tolerance: float, setting: str) -> Claim:
    """Times until a method's run and OpenMM's run from one start are as low as that one ends, if ever."""
    claim = (
        f"OpenMM's minimiser, tolerance {tolerance:g}, takes less wall time than {name} to the same energy"
    )
    source, caveats = "of figure 6b", (OPENMM_END, AT_A_TOLERANCE)
    theirs = with_times(evidence.repeats[evidence.repeats["config_hash"] == setting])
    ours = with_times(fresh_runs(evidence, name))
    theirs, ours = theirs[theirs["seed"].isin(ours["seed"])], ours[ours["seed"].isin(theirs["seed"])]
    lacking = _not_comparable(theirs, ours)
    if lacking:
        return Claim(claim, source, lacking, Verdict.undecided, Whose.ours, caveats=caveats)
    reached, taken = seconds_to_the_others_end(evidence, ours, theirs, CHEMICAL_ACCURACY)
    never = int(np.isinf(reached).sum())
    # What never came so low took longer than it ran.
    times = np.where(np.isinf(reached), ours["time_s"].to_numpy(float), reached)
    seen, verdict = below(taken - times, 0.0)
    if never and verdict is not Verdict.holds:
        verdict = Verdict.undecided
    measured = (
        f"OpenMM {taken.mean():.2f} s, {name} {times.mean():.2f} s"
        + (f" ({never} of {len(times)} never came so low: the time of the whole run)" if never else "")
        + f"; difference by pairs of one seed {seen} s"
    )
    return Claim(claim, source, measured, verdict, Whose.ours, caveats=caveats)


def _depends_on_start(runs: pd.DataFrame, name: str) -> Claim:
    chosen = of_all_starts(runs)
    chosen = chosen[chosen["method"] == name]
    groups = {start: energies_of(rows) for start, rows in chosen.groupby("from", sort=False)}
    chance, verdict = differ([values.to_numpy() for values in groups.values()])
    means = ", ".join(f"{start!s} {values.mean():.1f}" for start, values in groups.items())
    measured = f"mean energies from {means}; Kruskal and Wallis's p {chance:.2g}{at_max_steps(chosen)}"
    return Claim(f"{name}: where it ends depends on the start", "figure 6c", measured, verdict)


def _lower_from_all_starts(runs: pd.DataFrame, network: str) -> Claim:
    chosen = of_all_starts(runs)
    starts = list(chosen["from"].unique())
    means = {
        (name, start): mean_energy(chosen[(chosen["method"] == name) & (chosen["from"] == start)])
        for name in (network, GD)
        for start in starts
    }
    differences = np.array([means[network, start] - means[GD, start] for start in starts], float)
    seen, verdict = below(differences, 0.0)
    each = ", ".join(f"{start} {value:+.1f}" for start, value in zip(starts, differences, strict=True))
    compared = chosen[chosen["method"].isin([network, GD])]
    measured = (
        f"difference of means, {network} less GD: {each}; mean over starts {seen}{at_max_steps(compared)}"
    )
    claim = f"{network} ends lower than GD on average over starts"
    return Claim(claim, "of figure 6c", measured, verdict, Whose.ours)
