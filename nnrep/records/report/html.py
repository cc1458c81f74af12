"""Parts of a page, with everything that comes from files escaped."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], texts: Sequence[int] = ()) -> str:
    """A table of cells.

    Args:
        titles: of the columns; a line of its own after a line break, for a unit.
        rows: of cells.
        texts: places of the columns that begin on the left; the others are numbers.
    """

    def cell(tag: str, place: int, text: str) -> str:
        kind = ' class="text"' if place in texts else ""
        return f"<{tag}{kind}>{text}</{tag}>"

    head = "".join(cell("th", place, _title(title)) for place, title in enumerate(titles))
    body = (
        f"<tr>{''.join(cell('td', place, escape(str(text))) for place, text in enumerate(row))}</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>'
        + "\n".join(body)
        + "</tbody></table></div>"
    )


def _title(text: str) -> str:
    first, _, unit = text.partition("\n")
    return escape(first) + (f"<br><small>{escape(unit)}</small>" if unit else "")


def details(title: str, content: str, is_open: bool = False, name: str = "") -> str:
    """Content that is shown once its title is clicked."""
    attributes = (f' id="{escape(name)}"' if name else "") + (" open" if is_open else "")
    return f"<details{attributes}><summary>{escape(title)}</summary>\n{content}\n</details>"


def text_block(text: str) -> str:
    """Text as it stands."""
    return f"<pre>{escape(text)}</pre>"


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{escape(text)}</p>"


def picture(path: Path, title: str) -> str:
    """A PNG picture with its title, inside the page."""
    data = base64.b64encode(path.read_bytes()).decode()
    text = escape(title)
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def json_block(name: str, data: Any) -> str:
    """Data for the scripts of a page; no text in it can end its element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{escape(name)}">{text}</script>'
