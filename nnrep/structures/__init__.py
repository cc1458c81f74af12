"""Molecules: find, read, complete, check, store, build, unfold, write. Lengths in nm, or A by name."""
