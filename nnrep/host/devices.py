"""The devices that JAX computes on in this process, and what a process does that is to have one alone."""

import platform
from typing import NamedTuple

import jax

from nnrep.errors import UserError

CPU, GPU = "cpu", "gpu"  # as JAX calls them
HOST_DEVICES = "--xla_force_host_platform_device_count"  # in XLA_FLAGS, makes several devices of a CPU
# JAX's settings that say which GPUs it sees, of all their makers.
VISIBLE = ("jax_cuda_visible_devices", "jax_rocm_visible_devices", "jax_oneapi_visible_devices")


class Device(NamedTuple):
    """A device of this machine, as another process can be told of it.

    Attributes:
        platform: JAX's name of its kind: cpu, gpu.
        model: what it is called.
        number: that JAX's settings know it by.
    """

    platform: str
    model: str
    number: int


def found_devices() -> list[jax.Device]:
    """All devices that JAX finds, for which it looks once in a process.

    Raises:
        UserError: there is none of the kind that the environment asks for.
    """
    try:
        return jax.local_devices()
    except (RuntimeError, AssertionError) as error:  # the latter where no plugin knows the kind
        kinds = jax.config.jax_platforms  # type: ignore[attr-defined]
        reason = f" ({' '.join(str(error).split())})" if str(error) else ""
        if not kinds:
            raise UserError(f"JAX finds no device{reason}; JAX_PLATFORMS=cpu computes on the CPU") from error
        cuda = ", or install nnrep[cuda] on a machine with a GPU" if "cuda" in kinds or "gpu" in kinds else ""
        raise UserError(f"JAX_PLATFORMS={kinds}: JAX finds no such device{reason}; unset it{cuda}") from error


def own_devices() -> list[jax.Device]:
    """The devices that this process computes on: all that it sees, or JAX's default device if one is set."""
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    if chosen is None:
        return found_devices()
    return jax.local_devices(backend=chosen)[:1] if isinstance(chosen, str) else [chosen]


def runs_on_cpu() -> bool:
    """Whether this process computes on a CPU; raises as `found_devices` does."""
    return own_devices()[0].platform == CPU


def seen_devices() -> list[Device]:
    """What this process sees, for another one."""
    return [Device(each.platform, each.device_kind, each.local_hardware_id or 0) for each in found_devices()]


def see_only(device: Device) -> None:
    """Let JAX, which has not begun in this process, see one device; a CPU is then a single one."""
    if device.platform == CPU:
        jax.config.update("jax_num_cpu_devices", 1)
        return
    for name in VISIBLE:
        jax.config.update(name, str(device.number))


def require_gpu(key: str) -> None:
    """Refuse a process that computes on its CPU.

    Args:
        key: that asks for a device.

    Raises:
        UserError: naming it, and this machine.
    """
    if runs_on_cpu():
        reason = "JAX sees no device but the CPU there; install nnrep[cuda] on it, and have it given a GPU"
        raise UserError(f"{key}: a worker on {platform.node()} has none: {reason}")


def free_device_memory() -> int | None:
    """Bytes that are free on the fullest device of this process; None where JAX does not say, as on a CPU."""
    stats = [device.memory_stats() for device in own_devices()]
    if not all(each and "bytes_limit" in each for each in stats):
        return None
    return min(each["bytes_limit"] - each.get("bytes_in_use", 0) for each in stats)
