"""Alanine dipeptide, the small molecule of several benches."""

from pathlib import Path

# Heavy atoms of a stretched chain of ideal geometry.
DIPEPTIDE = """\
ATOM      1  CH3 ACE A   1       0.000   0.000   0.000  1.00 20.00           C
ATOM      2  C   ACE A   1       1.520   0.000   0.000  1.00 20.00           C
ATOM      3  O   ACE A   1       2.144   0.812  -0.681  1.00 20.00           O
ATOM      4  N   ALA A   2       2.116  -0.911   0.764  1.00 20.00           N
ATOM      5  CA  ALA A   2       3.571  -1.003   0.842  1.00 20.00           C
ATOM      6  C   ALA A   2       4.057  -2.369   0.384  1.00 20.00           C
ATOM      7  O   ALA A   2       3.441  -3.387   0.694  1.00 20.00           O
ATOM      8  CB  ALA A   2       4.054  -0.742   2.259  1.00 20.00           C
ATOM      9  N   NME A   3       5.163  -2.391  -0.355  1.00 20.00           N
ATOM     10  CH3 NME A   3       5.721  -3.647  -0.850  1.00 20.00           C
TER
"""


def dipeptide_file(folder: Path) -> Path:
    """A PDB file of it in a folder; hydrogens are missing, as `nnrep` adds them."""
    path = folder / "dipeptide.pdb"
    path.write_text(DIPEPTIDE)
    return path
