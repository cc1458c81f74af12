"""A page as one file: text, data, and the libraries that draw it."""

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from nnrep import __version__
from nnrep.errors import UserError
from nnrep.host.cache import write_whole
from nnrep.host.text import readable
from nnrep.records.report.html import json_block

REPORT = "report.html"
GENERATOR = "nnrep report"
# Name and version of a library -> its files.
LIBRARIES = {
    "3dmol-2.5.5": ("3dmol-2.5.5.min.js",),
    "uplot-1.6.32": ("uplot-1.6.32.min.js", "uplot-1.6.32.min.css"),
}


class Section(NamedTuple):
    """A part of a page.

    Attributes:
        title: its heading.
        content: HTML.
    """

    title: str
    content: str


def whole_page(title: str, facts: Sequence[str], sections: Sequence[Section], data: Any) -> str:
    """A page that needs nothing from elsewhere.

    Args:
        title: text.
        facts: texts in the lines below it.
        sections: in their order.
        data: for the scripts; see `page.js`.
    """
    parts = {
        "title": escape(title),
        "generator": f"{GENERATOR} {__version__}",
        "facts": "<br>".join(map(escape, filter(None, facts))),
        "sections": "\n".join(map(_section, sections)),
        "data": json_block("data", data),
        "styles": "\n".join(map(_asset, _library_files(".css"))) + _own("page.css"),
        "libraries": "\n".join(f"<script>{_asset(name)}</script>" for name in _library_files(".js")),
        "script": _own("page.js"),
        "licences": "\n".join(
            f"<h3>{name}</h3><pre>{escape(_asset(f'{name}.LICENSE'))}</pre>" for name in LIBRARIES
        ),
    }
    return Template(_own("page.html")).substitute(parts)


def write_page(folder: Path, content: str) -> Path:
    """Write a page into a folder, in the place of an earlier one.

    Raises:
        UserError: the file that is there was not written by this function.
    """
    path = folder / REPORT
    if path.exists() and f'content="{GENERATOR} '.encode() not in path.read_bytes():
        raise UserError(f"{path}: is no report of nnrep's; move it away")
    write_whole(path, readable(content).encode())
    return path


def _section(section: Section) -> str:
    return f"<section><h2>{escape(section.title)}</h2>\n{section.content}\n</section>"


def _library_files(suffix: str) -> list[str]:
    return [name for names in LIBRARIES.values() for name in names if name.endswith(suffix)]


def _asset(name: str) -> str:
    return _own(f"assets/{name}")


@cache
def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
