"""Units of length: structure files are in A, all else in nm."""

ANGSTROM_PER_NM = 10.0
