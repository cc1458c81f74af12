"""What all worker processes have in common."""

import multiprocessing
import os
import signal
import threading


def leave_signals_to_parent() -> None:
    """Let a worker ignore the signals that go to the whole group, and end when its parent does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
