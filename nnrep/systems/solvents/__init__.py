"""Solvents that surround a molecule, one file each, and their registry."""
