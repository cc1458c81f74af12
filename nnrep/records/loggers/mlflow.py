"""`hydra/callbacks=mlflow`."""

import time
from typing import Any, NamedTuple

from nnrep.records.loggers.logged_run import LoggedRun
from nnrep.records.loggers.row_logger import RowLogger

TAG = "nnrep.run_id"  # of a run of MLflow's
AT_ONCE = 1000  # metrics, and
PARAMS_AT_ONCE = 100  # parameters that MLflow takes in one call


class Tracker(NamedTuple):
    """An experiment of MLflow.

    Attributes:
        client: of MLflow.
        entities: MLflow's module of the same name.
        experiment: its id.
    """

    client: Any
    entities: Any
    experiment: str


class MLflow(RowLogger):
    """A run of MLflow for each seed: columns as parameters and metrics, curves as metrics `history/...`."""

    package = "mlflow"

    def __init__(self, tracking_uri: str | None, experiment: str) -> None:
        """Keep the settings; nothing is opened yet."""
        self.tracking_uri, self.experiment = tracking_uri, experiment

    def opened(self, module: Any) -> Tracker:
        """The experiment, which is made if there is none of the name."""
        client = module.MlflowClient(tracking_uri=self.tracking_uri)
        existing = client.get_experiment_by_name(self.experiment)
        experiment = client.create_experiment(self.experiment) if existing is None else existing.experiment_id
        return Tracker(client, module.entities, experiment)

    def record(self, tracker: Tracker, run: LoggedRun) -> None:
        """See `RowLogger.record`."""
        client, entities, experiment = tracker
        if client.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{run.name}'"):
            return
        now = int(1000 * time.time())
        metrics = [entities.Metric(name, value, now, 0) for name, value in run.numbers.items()]
        for step, values in run.curves():
            metrics += [entities.Metric(name, value, now, step) for name, value in values.items()]
        params = [entities.Param(name, text) for name, text in run.settings.items()]
        made = client.create_run(experiment, run_name=run.name).info.run_id
        for first in range(0, len(params), PARAMS_AT_ONCE):
            client.log_batch(made, params=params[first : first + PARAMS_AT_ONCE])
        for first in range(0, len(metrics), AT_ONCE):
            client.log_batch(made, metrics=metrics[first : first + AT_ONCE])
        client.set_tag(made, TAG, run.name)  # last: what has failed on the way is logged once more
        client.set_terminated(made)
