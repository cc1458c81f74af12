"""The devices that JAX computes on in this process."""

import jax

CPU = "cpu"  # as JAX calls it
HOST_DEVICES = "--xla_force_host_platform_device_count"  # in XLA_FLAGS, makes several devices of a CPU


def own_devices() -> list[jax.Device]:
    """The devices that this process computes on: all that it sees, or JAX's default device if one is set."""
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    if chosen is None:
        return jax.local_devices()
    return jax.local_devices(backend=chosen)[:1] if isinstance(chosen, str) else [chosen]


def runs_on_cpu() -> bool:
    """Whether this process computes on a CPU."""
    return own_devices()[0].platform == CPU


def free_device_memory() -> int | None:
    """Bytes that are free on the fullest device of this process; None where JAX does not say, as on a CPU."""
    stats = [device.memory_stats() for device in own_devices()]
    if not all(each and "bytes_limit" in each for each in stats):
        return None
    return min(each["bytes_limit"] - each.get("bytes_in_use", 0) for each in stats)
