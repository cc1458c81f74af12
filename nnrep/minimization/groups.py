"""Which replicas share a batch, and on how many devices it lies."""

import math
from collections.abc import Callable
from typing import NamedTuple

from nnrep.host.devices import free_device_memory, own_devices, runs_on_cpu


class Groups(NamedTuple):
    """The batches of a run.

    Attributes:
        replicas: of the run.
        members: the replicas of each batch.
        devices: over which each batch is spread, in equal parts.
    """

    replicas: int
    members: list[slice]
    devices: int

    @property
    def sizes(self) -> list[int]:
        """How many replicas each batch has."""
        return [members.stop - members.start for members in self.members]

    def size_of_part(self, group: int) -> int:
        """How many of them, and of what stands in for more, a device has."""
        return math.ceil(self.sizes[group] / self.devices)


def grouped(replicas: int, size: int) -> Groups:
    """Batches of so many replicas, over all devices if there is one for each device.

    Where they cannot be divided, stopped copies of the last replica stand in.
    """
    devices = len(own_devices())
    members = [slice(start, min(start + size, replicas)) for start in range(0, replicas, size)]
    return Groups(replicas, members, devices if min(size, replicas) >= devices else 1)


def default_batch_size(replicas: int, bytes_each: Callable[[], float]) -> int:
    """Replicas that step side by side.

    On a CPU one on each device, that is, as a rule, one at a time: a batch of maps would be up to 1.7 times
    as fast while all its replicas run, but waits for its last one, is slower by half without a map, and
    rounds its matrix products by the number of replicas in it. Alone on a device, a seed's numbers are the
    same to the last bit whatever else is run. Other devices need the batch to be busy: of those, as many on
    each as its memory has room for.

    Args:
        replicas: of the run.
        bytes_each: what one takes on a device; asked for only where the memory of devices is known.
    """
    devices = len(own_devices())
    devices = devices if replicas >= devices else 1
    if runs_on_cpu():
        return devices
    free = free_device_memory()
    if free is None:
        return replicas
    most = devices * max(1, int(free / bytes_each()))
    return math.ceil(replicas / math.ceil(replicas / most))
