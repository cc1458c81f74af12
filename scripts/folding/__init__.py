"""Searches for the native structure of a peptide, each from its extended chain: `scripts/bench_folding`."""
