"""From the runs of a figure to its summary, claims, tables, picture and report."""

from collections.abc import Mapping
from pathlib import Path

from nnrep.figures.analysis.summary import summarise
from nnrep.figures.claim import as_tested, claims_table
from nnrep.figures.command_log import read_commands
from nnrep.figures.comparison import Decided, power_table
from nnrep.figures.departures import departing
from nnrep.figures.evidence import Evidence
from nnrep.figures.figure import Figure
from nnrep.figures.report import REPORT, write_report
from nnrep.figures.result_files import BEYOND_SUMMARY, CLAIMS, POWER, SUMMARY, Stores, read_power
from nnrep.figures.saving import save_arrays, save_picture
from nnrep.host.terminal import log
from nnrep.records.table import read_table, write_table
from nnrep.sweep.settings import Experiment


def write_results(
    folder: Path,
    figure: Figure,
    experiment: Experiment,
    stores: Stores,
    repeated: set[str],
    errors: dict[str, str],
    decisions: Mapping[str, Decided],
) -> None:
    """Write everything that follows from the runs of a figure.

    Args:
        folder: of its results.
        figure: whose.
        experiment: its settings and structures.
        stores: its runs; with fresh seeds those of settings that are picked or once were, and those that were
            added for a comparison; and those beyond the paper, of which claims and pictures know nothing.
        repeated: names of the runs with fresh seeds of the settings that are picked from the runs now.
        errors: setting -> why it could not be run.
        decisions: comparison -> where it stands by the seeds that were added for it, and their runs.
    """
    beyond = read_table(stores.beyond.path)
    commands = read_commands(folder)
    evidence = evidence_of(experiment, stores, repeated)._replace(decisions=decisions, commands=commands)
    write_table(folder / SUMMARY, evidence.summary)
    if len(beyond):
        write_table(folder / BEYOND_SUMMARY, summarise(beyond))
    tested = (as_tested(claim, evidence) for claim in figure.claims(evidence))
    claims = claims_table([departing(claim, evidence) for claim in tested])
    write_table(folder / CLAIMS, claims)
    tables = figure.tables(evidence)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)
    for name, arrays in figure.arrays(evidence).items():
        save_arrays(arrays, folder / f"{name}.npz")
    save_picture(figure.draw(evidence), folder, figure.name)
    power = read_power(folder)
    if decisions:
        stand = {name: each.decision for name, each in decisions.items()}
        power = power_table(stand, float(power["power"].iloc[0]))
        write_table(folder / POWER, power)
    write_report(folder, figure, evidence, claims, tables, beyond, errors, power)
    log().info("%s: see %s", figure.name, folder / REPORT)


def evidence_of(experiment: Experiment, stores: Stores, repeated: set[str]) -> Evidence:
    """What a figure is drawn from; of the runs with fresh seeds the repeated ones, whose number is fixed."""
    runs, repeats = read_table(stores.runs.path), read_table(stores.repeats.path)
    finished = stores.runs.done()
    return Evidence(
        runs=runs,
        summary=summarise(runs),
        repeats=repeats[repeats["run_id"].isin(repeated)],
        positions=stores.runs.positions,
        histories=lambda run: (stores.runs if run in finished else stores.repeats).history(run),
        molecules=experiment.molecules,
        missing=experiment.missing,
        configs=[setting.config for setting in experiment.settings],
        changed=experiment.changed,
    )
