"""The memory of this machine, and what would not fit into it."""

import os

from nnrep.errors import UserError


def require_memory(needed: int, what: str) -> None:
    """Refuse what would take more memory than there is.

    Args:
        needed: bytes.
        what: for the message: "the tables of 100000 atoms".

    Raises:
        UserError: naming what would not fit, the memory it would take and what there is.
    """
    there = total_memory()
    if there is not None and needed > there:
        sizes = f"{needed / 1e9:.1f} GB, and this machine has {there / 1e9:.1f} GB"
        raise UserError(f"{what} would take {sizes}; choose a smaller system")


def total_memory() -> int | None:
    """Bytes of memory of this machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
