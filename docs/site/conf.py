"""How Sphinx makes the site from the pages of this repository; `scripts/docs` calls it.

The pages are the Markdown files that GitHub shows too, so that a link between them is valid in
both places. Only the table of contents, which GitHub does not need, is added here.
"""

from typing import Any

from sphinx.application import Sphinx

import nnrep

project = "nnrep"
release = nnrep.__version__

root_doc = "README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/*.ipynb",
    "docs/site/api.rst",
    "results/README.md",
    "results/*/REPORT.md",
]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

# Plain Markdown. Formulas would load a script from elsewhere.
myst_enable_extensions: list[str] = []
myst_heading_anchors = 4
nb_execution_mode = "off"  # a test runs the notebook; the site shows the outputs that are stored in it

default_role = "code"  # docstrings mark code by single backticks
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True  # a class describes its fields, each once
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "nnrep"
html_copy_source = False
html_extra_path = ["index.html"]
html_theme_options = {"show_prev_next": False, "footer_start": [], "footer_end": []}

CONTENTS = """

```{toctree}
:hidden:

docs/README
docs/site/api
results/README
CONTRIBUTING
CHANGELOG
```
"""
MANUAL = """

```{toctree}
:hidden:

first-steps
minimise-a-protein
other-engines
hold-atoms
fold-a-peptide
choose-a-method
slow-modes
sweeps
reports
reproduce
own-energies-and-maps
ase
many-machines
large-loops
large-sweeps
performance
configuration
beyond-the-paper
architecture
```
"""
FIGURES = """

```{toctree}
:hidden:
:glob:

*/REPORT
```
"""
ADDED = {"README": CONTENTS, "docs/README": MANUAL, "results/README": FIGURES}


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the table of contents to a page that has one."""
    source[0] += ADDED.get(page, "")


def skip_fields(app: Sphinx, kind: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples: their class describes them, their own docstrings are Python's."""
    return True if type(member).__name__ == "_tuplegetter" else None


def readable_factories(
    app: Sphinx, kind: str, name: str, member: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str, str | None] | None:
    """Write defaults that a dataclass makes as "...": Sphinx cannot read what Python writes for them."""
    return (signature.replace("<factory>", "..."), returned) if signature else None


def setup(app: Sphinx) -> None:
    """Register the functions above; Sphinx calls it."""
    app.connect("autodoc-process-signature", readable_factories)
    app.connect("source-read", add_contents)
    app.connect("autodoc-skip-member", skip_fields)
