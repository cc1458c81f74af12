"""Slurm's answers, made up."""

from collections.abc import Collection

import pytest

from nnrep.sweep.engines import slurm


def slurm_answers(patch: pytest.MonkeyPatch, *answers: Collection[str] | None) -> None:
    """Which jobs are in the queue, look after look; the last answer is for good."""
    coming = list(answers)
    patch.setattr(slurm, "QUEUE_SECONDS", 0.0)
    patch.setattr(slurm, "queued_jobs", lambda: coming.pop(0) if len(coming) > 1 else coming[0])
