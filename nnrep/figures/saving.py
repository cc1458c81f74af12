"""Pictures and arrays of figures as files."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Picture
from PIL import Image

from nnrep.host.cache import write_whole
from nnrep.records.style import DPI, save

PNG_COLORS = 256


def save_picture(picture: Picture, folder: Path, name: str) -> None:
    """Write NAME.png, in few colours and so in a third of the space, and NAME.pdf."""
    path = folder / f"{name}.png"
    picture.draw_without_rendering()  # once more: numbers along axes depend on the space that they leave
    save(picture, path)
    with Image.open(path) as whole:
        few = whole.convert("RGB").quantize(PNG_COLORS, dither=Image.Dither.NONE)
    few.save(path, optimize=True, dpi=(DPI, DPI))


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Write arrays as NPZ, whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(path, content.getvalue())
