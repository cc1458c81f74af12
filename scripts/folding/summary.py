"""A row an arm: how many searches folded, and how soon; arms beside each other."""

import numpy as np
import pandas as pd

from folding.described import in_order
from folding.naming import parsed
from folding.outcomes import MEASURES
from folding.survival import Times, compared, median, restricted_mean

# Of the columns of a measure.
PARTS = ("median", "low", "high", "known_to", "folded", "watched", "mean_restricted", "limit", "sum")
COMPARED_BY = ("evaluations", "cpu_s")
PLAIN = "cartesian"
OPENMM, SINGLE_TEMPERATURE = "openmm", "single_temperature"  # kinds of arms, one a temperature


def times_of(searches: pd.DataFrame, measure: str) -> Times:
    """Of searches (a row each), in evaluations, cpu_s or ps."""
    folded = searches["folded"].to_numpy(bool)
    return Times(
        np.where(folded, searches[f"{measure}_folded"], searches[measure]).astype(float),
        folded,
    )


def common_limit(searches: pd.DataFrame, measure: str) -> float:
    """To which all arms with the most searches are known; where all folded, the longest of them.

    Arms without any of a measure, as moves are without dynamics, do not count; NaN of those alone.
    """
    own = searches[searches["arm"].isin(most_searched(searches))]
    own = own[own.groupby("arm")[measure].transform("sum") > 0]
    if own.empty:
        return np.nan
    times = [times_of(of_arm, measure) for _, of_arm in own.groupby("arm")]
    limit = min(each.known_to for each in times)
    return limit if np.isfinite(limit) else max(float(each.time.max()) for each in times)


def most_searched(searches: pd.DataFrame) -> list[str]:
    """The arms that have as many searches as any."""
    counts = searches["arm"].value_counts()
    return in_order(counts[counts == counts.max()].index.tolist())


def of_kind(searches: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The searches of a problem by arms of a kind, one a temperature."""
    return searches[searches["arm"].map(lambda arm: parsed(arm).kind) == kind]


def best_of(searches: pd.DataFrame, kind: str) -> str | None:
    """Of a problem's arms of a kind with the most searches the one of least mean time; None without any."""
    own = of_kind(searches, kind)
    if own.empty:
        return None
    limit = common_limit(own, "cpu_s")
    means = {
        arm: restricted_mean(times_of(own[own["arm"] == arm], "cpu_s"), limit) for arm in most_searched(own)
    }
    known = [arm for arm, mean in means.items() if np.isfinite(mean)]
    return min(known, key=means.__getitem__, default=None)


def references(searches: pd.DataFrame) -> list[str]:
    """The arms of a problem that the others are held beside, if they have as many searches as any."""
    return [arm for arm in (PLAIN, best_of(searches, OPENMM)) if arm in most_searched(searches)]


def of_one_processor(searches: pd.DataFrame) -> bool:
    """Whether all of these searches ran on one kind of processor, so that their times can be compared."""
    return searches["processor"].nunique() <= 1


def summarise(searches: pd.DataFrame) -> pd.DataFrame:
    """A row an arm of a problem; a median that is not reached is infinite.

    Of every measure `_known_to` is the time to which the arm is known, `_folded` and `_watched` how many of
    its searches have folded by then and how many are still watched; of one that an arm has not, all are NaN.
    """
    rows = []
    for problem, of_problem in searches.groupby("problem", sort=False):
        limits = {name: common_limit(of_problem, name) for name in MEASURES}
        for arm in in_order(of_problem["arm"].tolist()):
            own = of_problem[of_problem["arm"] == arm]
            lowest, near = own.sort_values("energy").iloc[0], own.sort_values("nearest_rmsd_ca").iloc[0]
            row = {"problem": problem, "arm": arm, "searches": len(own), "folded": int(own["folded"].sum())}
            for name, limit in limits.items():
                row |= _of_measure(own, name, limit)
            row |= {"energy": lowest["energy"], "rmsd_ca": lowest["rmsd_ca"]}
            row |= {name: near[name] for name in ("nearest_rmsd_ca", "nearest_energy")}
            rows.append(row)
    return pd.DataFrame(rows)


def _of_measure(searches: pd.DataFrame, name: str, limit: float) -> dict[str, float]:
    """The columns of a measure for the searches of an arm."""
    if not searches[name].any():
        return {f"{name}_{part}": np.nan for part in PARTS}
    times = times_of(searches, name)
    estimate, known_to = median(times), times.known_to
    folded, watched = times.known(known_to)
    values = (
        *(estimate.value, estimate.low, estimate.high, known_to, folded, watched),
        *(restricted_mean(times, limit), limit, searches[name].sum()),
    )
    return {f"{name}_{part}": float(value) for part, value in zip(PARTS, values, strict=True)}


def compare(searches: pd.DataFrame) -> pd.DataFrame:
    """A row a pair of arms and a measure: each of our arms beside each of `references`."""
    rows = []
    for problem, of_problem in searches.groupby("problem", sort=False):
        arms = [arm for arm in in_order(of_problem["arm"].tolist()) if parsed(arm).kind != OPENMM]
        pairs = [(arm, other) for other in references(of_problem) for arm in arms if arm != other]
        for arm, other in pairs:
            both = [of_problem[of_problem["arm"] == name] for name in (arm, other)]
            timed = of_one_processor(pd.concat(both))
            for measure in COMPARED_BY if timed else COMPARED_BY[:1]:
                comparison = compared(*(times_of(own, measure) for own in both))
                rows.append(
                    {
                        "problem": problem,
                        "arm": arm,
                        "other": other,
                        "measure": measure,
                        "limit": comparison.limit,
                        "p": comparison.chance,
                        "sooner": comparison.sooner,
                        "ratio": comparison.ratio.value,
                        "ratio_low": comparison.ratio.low,
                        "ratio_high": comparison.ratio.high,
                    }
                )
    columns = ["problem", "arm", "other", "measure", "limit", "p", "sooner"]
    return pd.DataFrame(rows, columns=[*columns, "ratio", "ratio_low", "ratio_high"])
