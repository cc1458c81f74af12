"""`hydra/callbacks=tensorboard`."""

import shutil
from pathlib import Path
from typing import Any

from nnrep.records.loggers.logged_run import LoggedRun
from nnrep.records.loggers.row_logger import RowLogger


class TensorBoard(RowLogger):
    """A folder of event files for each seed: columns as text and scalars, curves as scalars `history/...`."""

    package = "tensorboardX"

    def __init__(self, logdir: str) -> None:
        """Keep the settings; nothing is opened yet."""
        self.logdir = logdir

    def record(self, tracker: Any, run: LoggedRun) -> None:
        """See `RowLogger.record`."""
        folder = Path(self.logdir, run.name)
        if folder.exists():
            return
        unfinished = folder.with_name(f".{run.name}")  # of a command that was killed, perhaps
        shutil.rmtree(unfinished, ignore_errors=True)
        writer = tracker.SummaryWriter(str(unfinished))
        writer.add_text("settings", "\n".join(f"- {name}: {text}" for name, text in run.settings.items()))
        for name, value in run.numbers.items():
            writer.add_scalar(name, value, 0)
        for step, values in run.curves():
            for name, value in values.items():
                writer.add_scalar(name, value, step)
        writer.close()
        unfinished.rename(folder)
