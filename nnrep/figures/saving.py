"""Pictures and arrays of figures as files."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Picture

from nnrep.host.cache import write_whole
from nnrep.records.style import save


def save_picture(picture: Picture, folder: Path, name: str) -> None:
    """Write NAME.png and NAME.pdf."""
    save(picture, folder / f"{name}.png")


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Write arrays as NPZ, whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())
