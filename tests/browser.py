"""Headless Chromium, as far as it is installed."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=f"no browser: none of {', '.join(NAMES)}")
# What the browser says of itself where it draws without a GPU.
OF_DRIVER = ("GL Driver Message", "Automatic fallback to software WebGL")


class Shown(NamedTuple):
    """A page after its scripts have run.

    Attributes:
        dom: the document, as HTML.
        console: what was written to the console, a line each.
    """

    dom: str
    console: list[str]


def shown(page: Path, profile: Path, *flags: str) -> Shown:
    """Load a page.

    Args:
        page: the file.
        profile: a folder for the browser's own files.
        flags: of the browser.
    """
    command = [
        *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-dev-shm-usage"),
        *("--virtual-time-budget=15000", "--enable-logging=stderr", f"--user-data-dir={profile}"),
        *("--window-size=1300,2000", "--dump-dom", *flags, page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    lines = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Shown(done.stdout, [line for line in lines if not any(text in line for text in OF_DRIVER)])
