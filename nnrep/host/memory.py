"""The memory that is free, and what would not fit into it: asked before a large array is made."""

from pathlib import Path

from nnrep.errors import UserError

# Of a group of processes in Linux (a container, a batch job): files of its limit, its use, and the line of
# memory.stat with what of that use is files that can be read again.
CGROUP_V2 = ("memory.max", "memory.current", "inactive_file")
CGROUP_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def require_memory(needed: float, key: str, what: str, instead: str) -> None:
    """Refuse what would take more memory than is free.

    Args:
        needed: bytes.
        key: of the configuration, that decides it: "system.n".
        what: that takes it: "the positions of 10 particles".
        instead: a choice that fits: "at most 5".

    Raises:
        UserError: naming all of these.
    """
    free = free_memory()
    if free is not None and needed > free:
        sizes = f"{_amount(needed)}, and {_amount(free)} are free"
        raise UserError(f"{key}: {what} would take {sizes}; choose {instead}")


def fits(needed: float) -> bool:
    """Whether so many bytes are free."""
    free = free_memory()
    return free is None or needed <= free


def most_that_fit(bytes_each: float, power: int = 1) -> int:
    """The largest count of which count^power times so many bytes are free."""
    free = free_memory()
    return 2**31 - 1 if free is None else int((free / bytes_each) ** (1 / power))


def free_memory() -> int | None:
    """Bytes that are free: of the machine or, if it is less, of the container; None where nothing says so."""
    import psutil  # commands that make no large array begin without it

    known = [psutil.virtual_memory().available, container_memory()]
    return min((amount for amount in known if amount is not None), default=None)


def container_memory(root: Path = Path("/")) -> int | None:
    """Bytes that the limits of this process's control groups (version 1 and 2) leave; None without a limit.

    Args:
        root: of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        second = controllers == ""
        if not second and "memory" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("" if second else "memory")
        group = mount / path.lstrip("/")
        # Every group above has a limit of its own; in a container the path may be that of the host.
        for folder in (group, *group.parents):
            if folder == mount or mount in folder.parents:
                left.append(_left(folder, *(CGROUP_V2 if second else CGROUP_V1)))
    return min((amount for amount in left if amount is not None), default=None)


def _left(group: Path, limit: str, use: str, reclaimable: str) -> int | None:
    try:
        most, used = (int((group / name).read_text()) for name in (limit, use))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, most - used + int(stat.get(reclaimable, 0)))
    except (OSError, ValueError):  # no such group, or "max"
        return None


def _amount(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
