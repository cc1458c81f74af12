"""The site that `scripts/docs` builds: without warnings, whole, and without anything from elsewhere."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from checkout import ROOT

import nnrep
import nnrep.reparam

pytestmark = pytest.mark.slow

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
ELSEWHERE = re.compile(r"(https?:)?//")


class LoadedResources(HTMLParser):
    """The addresses of what a page loads when it is opened: scripts, styles, fonts, pictures."""

    def __init__(self, page):
        super().__init__()
        self.addresses = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.addresses.append(attributes.get(LOADED.get(tag), ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, ROOT / "scripts" / "docs.py", folder]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_pages_load_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        for address in LoadedResources(page.read_text()).addresses:
            assert not ELSEWHERE.match(address), f"{page}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text()), sheet


def test_a_resource_from_elsewhere_is_noticed():
    page = '<a href="https://a"><script src="//b/c.js"></script><link rel="stylesheet" href="https://d">'
    loaded = [address for address in LoadedResources(page).addresses if ELSEWHERE.match(address)]
    assert loaded == ["//b/c.js", "https://d"]


def test_every_public_name_is_described(site):
    page = (site / "docs" / "site" / "api.html").read_text()
    names = [f"nnrep.{name}" for name in nnrep.__all__ if name != "reparam"]
    names += [f"nnrep.reparam.{name}" for name in nnrep.reparam.__all__]
    missing = [name for name in names if f'id="{name}"' not in page]
    assert not missing, f"docs/site/api.rst lacks {', '.join(missing)}"


def test_signatures_are_readable(site):
    page = (site / "docs" / "site" / "api.html").read_text()
    assert "Callable" in page
    assert "~" not in "".join(re.findall(r"<dt class=\"sig.*?</dt>", page, re.S))


def test_the_first_page_leads_to_the_readme(site):
    assert "url=README.html" in (site / "index.html").read_text()
    assert (site / "README.html").exists()
