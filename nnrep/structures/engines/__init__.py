"""Molecules with the parameters of other engines, through OpenMM's readers; one file an engine."""
