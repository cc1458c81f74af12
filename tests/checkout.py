"""Where things lie in the checkout, whatever folder a test is in."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED_STRUCTURES = ROOT.parent / "shared" / "pdb"  # of the paper, where they lie beside the checkout
SHARED_INPUTS = ROOT.parent / "shared" / "inputs"  # files as people have them, with what is right
