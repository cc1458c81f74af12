"""A batch of replicas over several devices: a part of it on each, which waits for no other one.

The parts are shards of one array along its first axis, and one program runs on all devices, each with its
part (`jax.shard_map`): compiled once, without communication.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from nnrep.host.devices import own_devices

T = TypeVar("T")

AXIS = "replicas"
SPLIT, WHOLE = PartitionSpec(AXIS), PartitionSpec()


def mesh_of(devices: int) -> Mesh:
    """The first devices of this process, along one axis."""
    return Mesh(np.array(own_devices()[:devices]), (AXIS,))


def spread(parts: Sequence[T]) -> T:
    """One batch of several of equal shapes, each on a device of its own; nothing is compiled.

    Args:
        parts: trees of arrays (r, ...).

    Returns:
        A tree of arrays (parts * r, ...).
    """
    mesh = mesh_of(len(parts))
    sharding = NamedSharding(mesh, SPLIT)

    def one(*leaves: Any) -> Any:
        first, *rest = leaves[0].shape
        return jax.make_array_from_single_device_arrays((len(leaves) * first, *rest), sharding, list(leaves))

    placed = [jax.device_put(part, device) for part, device in zip(parts, mesh.devices, strict=True)]
    whole: T = jax.tree.map(one, *placed)
    return whole


def everywhere(tree: T, devices: int) -> T:
    """A tree of arrays and numbers, on each of so many devices; as it is for one."""
    return tree if devices == 1 else jax.device_put(tree, NamedSharding(mesh_of(devices), WHOLE))


def part_of(batch: T, device: int) -> T:
    """What a device has of a batch that `spread` has made, on the default device."""
    part = jax.tree.map(lambda leaf: leaf.addressable_data(device), batch)
    placed: T = jax.device_put(part, own_devices()[0])
    return placed


def over_devices(function: Callable, devices: int, split: Sequence[bool]) -> Callable:
    """A function of batches that each device calls with its part.

    Args:
        function: of positional arguments; its value is split along the first axis, too.
        devices: how many; one calls the function itself.
        split: of each argument, whether it is a batch; the others are the same everywhere.
    """
    if devices == 1:
        return function
    specs = tuple(SPLIT if each else WHOLE for each in split)
    # What an energy of the user's may do is not known to agree with the types of JAX's check.
    return jax.shard_map(function, mesh=mesh_of(devices), in_specs=specs, out_specs=SPLIT, check_vma=False)
