"""OpenMM's own minimiser and dynamics, measured as a minimisation of `nnrep` is."""
