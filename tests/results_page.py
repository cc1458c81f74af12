"""`scripts/results.py` as a module, for tests."""

import importlib.util

from checkout import ROOT

spec = importlib.util.spec_from_file_location("results_page", ROOT / "scripts" / "results.py")
results_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(results_page)
