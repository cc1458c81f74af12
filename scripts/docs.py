"""Build the site of README, manual, API reference and results, with warnings as errors.

    scripts/docs [FOLDER]    # into FOLDER/html, by default build/docs/html; begin at index.html

The pages fetch nothing from elsewhere, so that the folder works offline and on any web server.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "docs" / "site"


def main() -> int:
    if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1] if len(sys.argv) == 2 else ROOT / "build" / "docs")
    options = ["--quiet", "--fail-on-warning", "-c", str(SETTINGS), "-d", str(folder / "doctrees")]
    status = sphinx(["-b", "html", *options, str(ROOT), str(folder / "html")])
    if status == 0:
        print(folder / "html" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
