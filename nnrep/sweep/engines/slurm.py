"""Which jobs Slurm has in its queue: known without its accounting, which many clusters lack."""

import os
import subprocess
import time
from collections.abc import Collection

ANSWER_SECONDS = 20.0  # that squeue has
QUEUE_SECONDS = 10.0  # from one look at the queue to the next
LOOKS = (
    2  # at a queue without a job, until the job has ended: what it has written may take a while to be seen
)


def queued_jobs() -> set[str] | None:
    """Numbers of the user's jobs that wait or run; None where Slurm does not answer."""
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%A"]
    # SQUEUE_STATES and others would leave some out.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_SECONDS, env=variables
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(answer.stdout.split()) if answer.returncode == 0 else None


class SlurmQueue:
    """Slurm's queue, looked at every few seconds."""

    def __init__(self) -> None:
        """Nothing has been seen yet."""
        self._looks: dict[str, int] = {}  # job -> looks, one after the other, at a queue without it
        self._look_from = 0.0

    def ended(self, jobs: Collection[str]) -> set[str]:
        """Those of the jobs, all of which have been submitted, that are in the queue no more.

        Looks that Slurm does not answer count for nothing.
        """
        now = time.monotonic()
        if jobs and now >= self._look_from:
            self._look_from = now + QUEUE_SECONDS
            queued = queued_jobs()
            if queued is not None:
                self._looks = {job: self._looks.get(job, 0) + 1 for job in jobs if job not in queued}
        return {job for job in jobs if self._looks.get(job, 0) >= LOOKS}
