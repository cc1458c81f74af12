"""`hydra/callbacks=wandb`."""

from typing import Any

from nnrep.records.loggers.logged_run import LoggedRun
from nnrep.records.loggers.row_logger import RowLogger


class WandB(RowLogger):
    """A run of Weights & Biases for each seed: columns as configuration and summary, curves as history."""

    package = "wandb"

    def __init__(self, project: str, entity: str | None) -> None:
        """Keep the settings; nothing is opened yet."""
        self.project, self.entity = project, entity

    def record(self, tracker: Any, run: LoggedRun) -> None:
        """See `RowLogger.record`; a run that is there already is the same one, by its id."""
        opened = tracker.init(
            project=self.project,
            entity=self.entity,
            id=run.name,
            name=run.name,
            config=run.settings,
            resume="allow",
            settings=tracker.Settings(silent=True),
        )
        for step, values in run.curves():
            opened.log(values, step=step)
        opened.summary.update(run.numbers)
        opened.finish()
