"""Take the pictures of docs/reports.md: reports of a protein run and of figure 4, as Chromium shows them.

    scripts/report_pictures [FOLDER]    # by default docs/images; two minutes

The protein is 2JOF, from an unfolded start, with `schedule=relaxed`; the figure is that of results/fig4.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1240, 2100
SHOWN = 900  # pixels of width
LARGEST = 300_000  # bytes; a larger picture is kept in 256 colours
RUN = (
    *("system=protein", "system.pdb=2JOF", "system.start=unfolded", "system.perturbation=0.5"),
    *("schedule=relaxed", "seeds=3", "record.every=60", "report=true"),
)


def main() -> int:
    if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
        print(__doc__, file=sys.stderr)
        return 2
    images = Path(sys.argv[1] if len(sys.argv) == 2 else ROOT / "docs" / "images")
    with TemporaryDirectory() as folder:
        run, figure = Path(folder) / "2JOF-relaxed", Path(folder) / "fig4"
        nnrep("run", *RUN, f"hydra.run.dir={run}")
        shutil.copytree(ROOT / "results" / "fig4", figure)
        nnrep("report", str(figure))
        for source, name in ((run, "report-protein.png"), (figure, "report-fig4.png")):
            take(source / "report.html", images / name, Path(folder))
            print(images / name)
    return 0


def nnrep(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "nnrep", *arguments], check=True, stdout=subprocess.DEVNULL)


def take(page: Path, picture: Path, folder: Path) -> None:
    """The upper part of a page, smaller than on a screen."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"report_pictures: needs one of {', '.join(BROWSERS)}")
    flags = [
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"),
        *("--virtual-time-budget=15000", f"--user-data-dir={folder / 'browser'}"),
        *(f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}"),
    ]
    subprocess.run([browser, *flags, page.as_uri()], check=True, capture_output=True)
    with Image.open(picture) as taken:
        size = (SHOWN, round(taken.height * SHOWN / taken.width))
        small = taken.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(picture, optimize=True)
    if picture.stat().st_size > LARGEST:
        small.quantize(256, Image.Quantize.FASTOCTREE).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
