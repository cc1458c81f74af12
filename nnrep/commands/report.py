"""`nnrep report`."""

from pathlib import Path

from nnrep.commands.command import Command, asks_for_help, require_folders
from nnrep.errors import EXIT_OK, UserError

SUMMARY = "write one HTML page of the runs in a folder DIR, or of a figure's results; it works offline"
USAGE = f"""usage: nnrep report DIR

{SUMMARY}

DIR is the folder of a run, of a sweep, of several runs, of a search (nnrep explore), or of a figure
(results/fig4). The page is DIR/report.html; its path is printed."""


def _main(arguments: list[str]) -> int:
    if asks_for_help(arguments):
        print(USAGE)
        return EXIT_OK
    require_folders("report", arguments)
    if len(arguments) != 1:
        raise UserError(f"report: takes one folder, got {len(arguments)}; nnrep report DIR")
    folder = Path(arguments[0])
    from nnrep.figures.report_page import is_figure, write_figure_report
    from nnrep.records.exploration.folder import is_exploration
    from nnrep.records.report.exploration import write_exploration_report
    from nnrep.records.report.runs import write_report

    write = write_exploration_report if is_exploration(folder) else write_report
    print((write_figure_report if is_figure(folder) else write)(folder))
    return EXIT_OK


CHOICE = Command(SUMMARY, _main)
