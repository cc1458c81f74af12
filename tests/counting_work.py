"""Work of an engine that counts its steps, and goes on until it is to stop."""

import time
from dataclasses import dataclass

from nnrep.host.counting import count
from nnrep.host.interruption import stop_requested


@dataclass
class Counting:
    steps: int
    shape: str = ""

    def __call__(self) -> int:
        count(self.steps)
        while not stop_requested():
            time.sleep(0.01)
        count(1)
        return self.steps

    def parts(self) -> "list[Counting]":
        return [self]
