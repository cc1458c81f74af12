"""Figure 2: what the methods make of both loops."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Picture

from nnrep.energies.pairwise import capped_lennard_jones_minimum
from nnrep.figures.analysis.labels import COARSE_GRAINED, LOOP_LABELS, METHOD_LABELS, NETWORK, PLAIN
from nnrep.figures.analysis.selection import (
    TYPICAL,
    best_setting,
    counts_of,
    diverged,
    energies_of,
    of_method,
    typical_run,
)
from nnrep.figures.analysis.statistics import FEWEST, combined, lower, most
from nnrep.figures.claim import Claim, Verdict, Whose
from nnrep.figures.comparison import Comparison, lower_by
from nnrep.figures.drawing.axes import number_text
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure, nothing_repeated
from nnrep.figures.loops import loop_needs
from nnrep.figures.needs import runs_needed
from nnrep.host.text import counted
from nnrep.records.chains import COLORS, draw_chain, scale_bar
from nnrep.records.style import PAGE, SMALL, styled
from nnrep.systems.measures import PIECE_REACH

COIL = 0.9  # share of bonds and of contacts that a coil has
OTHERS = (PLAIN, COARSE_GRAINED)  # that GNN is compared with
COIL_NEEDS = (*loop_needs(400), runs_needed(FEWEST))
# Of seeds that are added: the budget a side, and a difference of energies that counts as none (one tangled
# pair costs 0.1).
COIL_SEEDS, COIL_MARGIN = 200, 0.01
HEIGHT = 6.0  # of the picture, in inches
MARGINS = {"left": 0.01, "right": 0.86, "bottom": 0.125, "top": 0.96, "hspace": 0.45, "wspace": 0.06}
BAR = (0.895, 0.3, 0.015, 0.45)  # left, bottom, width and height of the bar of colours
BY_SHAPE = "by shape alone: a coil with tangled pairs counts, though they cost energy"
CHOSEN = (
    "the paper gives no settings of this figure: learning rates and widths are ours",
    "repelling pairs are drawn at every step (the authors': once in 3000 steps)",
)


def is_coil(runs: pd.DataFrame) -> pd.Series:
    """Which runs end in the coil: one piece, and nine bonds and contacts of ten in place."""
    joined = (runs["bond_fraction"] >= COIL) & (runs["contact_fraction"] >= COIL)
    return joined & (runs["pieces"] == 1) & ~diverged(runs)


@styled()
def draw(evidence: Evidence) -> Picture:
    """Layouts of the typical runs, a row a loop, a column a method, coloured along the chain."""
    picture = Picture(figsize=(PAGE, HEIGHT))
    # Fixed margins: chains are as thick as the space allows, which is to be known.
    panels = picture.subplots(len(LOOP_LABELS), len(METHOD_LABELS), squeeze=False, gridspec_kw=MARGINS)
    longest = 2
    for row, (potential, loop) in zip(panels, LOOP_LABELS.items(), strict=True):
        for axes, (reparam, method) in zip(row, METHOD_LABELS.items(), strict=True):
            runs = of_method(evidence.runs, potential, reparam)
            if runs.empty:
                axes.set_axis_off()
                continue
            run = typical_run(runs)
            positions = evidence.positions(run["run_id"])
            axes.set_frame_on(False)
            outside = draw_chain(axes, positions, PIECE_REACH * _contact(evidence))
            longest = max(longest, len(positions))
            scale_bar(axes, "units of length")
            axes.set_title(f"{loop}, {method}")
            axes.set_xlabel(_caption(run, outside), fontsize=SMALL, labelpad=16)
    places = ScalarMappable(Normalize(1, longest), COLORS)
    picture.colorbar(places, cax=picture.add_axes(BAR, label="<colorbar>"), label="particle along the chain")
    return picture


def _contact(evidence: Evidence) -> float:
    """The ideal length of a contact of the loop that was run."""
    return capped_lennard_jones_minimum(evidence.configs[0].system.lj_cap)[0]


def _caption(run: pd.Series, outside: int) -> str:
    energies = number_text("energy {:.4f} (bound {:.4f})", run["energy"], run["energy_bound"])
    return (
        f"{energies}\n"
        f"bonds {100 * run['bond_fraction']:.0f} %, contacts {100 * run['contact_fraction']:.0f} %\n"
        f"{counted(int(run['pieces']), 'piece')}, {counted(outside, 'particle')} outside"
    )


def claims_of(evidence: Evidence) -> list[Claim]:
    """What the paper says of its figure 2."""
    runs = evidence.runs
    source = "figure 2"
    methods = [(loop, method) for loop in LOOP_LABELS for method in METHOD_LABELS]
    by_method = {key: of_method(runs, *key) for key in methods}
    coils = {key: is_coil(rows) for key, rows in by_method.items()}
    split = {key: rows["pieces"] > 1 for key, rows in by_method.items()}
    by_gnn_alone = [coils["pure_lj", NETWORK], *(~coils["pure_lj", other] for other in OTHERS)]
    title = "coils (one piece, 90 % of bonds and contacts)"
    claims = [
        Claim(
            "Bond+LJ: GD, CG and GNN all find the coil in most runs",
            source,
            f"{title}: {_shares(coils, 'bond_lj')}; {_median_energies(runs, 'bond_lj')}",
            _all_in_most_runs([coils["bond_lj", method] for method in METHOD_LABELS]),
            caveats=(BY_SHAPE,),
        ),
        Claim(
            "pure LJ: GD leaves particles far away in most runs",
            source,
            f"runs in more than one piece: {_shares(split, 'pure_lj')}; GD's pieces: "
            f"{_numbers(runs, PLAIN, 'pieces')}",
            most(split["pure_lj", PLAIN].tolist()),
        ),
        Claim(
            "pure LJ: CG fails to join the pieces in most runs",
            source,
            f"runs in more than one piece: {_shares(split, 'pure_lj')}; CG's bonds: "
            f"{_numbers(runs, COARSE_GRAINED, 'bond_fraction')}, contacts: "
            f"{_numbers(runs, COARSE_GRAINED, 'contact_fraction')}",
            most(split["pure_lj", COARSE_GRAINED].tolist()),
        ),
        Claim(
            "pure LJ: only GNN finds the coil in most runs",
            source,
            f"{title}: {_shares(coils, 'pure_lj')}",
            _all_in_most_runs(by_gnn_alone),
        ),
        *(_more_contacts(runs, other) for other in OTHERS),
        *(_lower_energy(evidence, other) for other in OTHERS),
    ]
    return [claim._replace(needs=COIL_NEEDS, caveats=(*CHOSEN, *claim.caveats)) for claim in claims]


def _all_in_most_runs(flags: Sequence[pd.Series]) -> Verdict:
    """Whether each of several things is true of most runs."""
    return combined([most(each.tolist(), parts=len(flags)) for each in flags])


def _shares(flags: dict[tuple[str, str], pd.Series], potential: str) -> str:
    """ "GD 3 of 10, CG 0 of 10, GNN 9 of 10"."""
    counts = {name: flags[potential, reparam] for reparam, name in METHOD_LABELS.items()}
    return ", ".join(f"{name} {flag.sum()} of {len(flag)}" for name, flag in counts.items())


def _median_energies(runs: pd.DataFrame, potential: str) -> str:
    """ "median energies GD -0.0231, CG -0.0018, GNN -0.0231 (bound -0.0237)"."""
    own = {name: of_method(runs, potential, reparam) for reparam, name in METHOD_LABELS.items()}
    medians = ", ".join(f"{name} {energies_of(rows).median():.4f}" for name, rows in own.items())
    bound = runs.loc[runs["potential"] == potential, "energy_bound"].min()
    return f"median energies {medians} (bound {bound:.4f})"


def _numbers(runs: pd.DataFrame, reparam: str, column: str) -> str:
    values = of_method(runs, "pure_lj", reparam)[column].sort_values()
    return ", ".join(f"{value:.3g}" for value in values)


def _more_contacts(runs: pd.DataFrame, other: str) -> Claim:
    gnn, rival = (of_method(runs, "pure_lj", method)["contact_fraction"] for method in (NETWORK, other))
    seen, verdict = lower(rival.to_numpy(), gnn.to_numpy())
    name = METHOD_LABELS[other]
    return Claim(
        f"pure LJ: GNN closes more of the contacts than {name}",
        "of figure 2",
        f"mean share of contacts: GNN {gnn.mean():.3f}, {name} {rival.mean():.3f}; {name} less GNN {seen}",
        verdict,
        Whose.ours,
    )


def _lower_energy(evidence: Evidence, other: str) -> Claim:
    own = (of_method(evidence.runs, "pure_lj", method) for method in (NETWORK, other))
    name = METHOD_LABELS[other]
    compared = lower_by(evidence, comparison_name(name), *own)
    gnn, rival = energies_of(compared.first), energies_of(compared.second)
    return Claim(
        f"pure LJ: GNN ends at lower energies than {name}",
        "of figure 2",
        f"mean energies of {counts_of(gnn, rival)} runs a side: GNN {gnn.mean():.4f}, {name} "
        f"{rival.mean():.4f} (medians {gnn.median():.4f}, {rival.median():.4f}); GNN less {name} "
        f"{compared.seen}",
        compared.verdict,
        Whose.ours,
    )


def comparison_name(other: str) -> str:
    """How the comparison of energies with another method is called."""
    return f"pure LJ: energy of GNN less {other}"


def comparisons(summary: pd.DataFrame) -> list[Comparison]:
    """GNN against GD on pure LJ, the only pair whose energies 200 seeds a side can tell apart."""
    gnn, gd = (best_setting(summary, "pure_lj", method) for method in (NETWORK, PLAIN))
    if gnn is None or gd is None:
        return []
    name = comparison_name(METHOD_LABELS[PLAIN])
    return [Comparison(name, gnn["config_hash"], gd["config_hash"], COIL_SEEDS, COIL_MARGIN)]


FIGURE = Figure(
    name="fig2",
    title="Figure 2: layouts of both loops by GD, CG and GNN",
    needs_positions=True,
    repeated=nothing_repeated,
    draw=draw,
    claims=claims_of,
    comparisons=comparisons,
    most_seeds=COIL_SEEDS,
    caption=(
        f"Each panel shows the run of its method {TYPICAL}, seen from where its largest piece is "
        "widest, in a window around that piece: particles further away are counted below as outside. "
        "Colours run along the chain; broken bonds are thin and grey; a bond of pure LJ is 1.13 long. A "
        "piece is a set of particles that hang together by distances below 1.5 times the ideal contact; "
        "bonds and contacts count as closed within 10 % of their ideal lengths."
    ),
)
