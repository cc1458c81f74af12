"""Many runs: grids of settings, worker processes, and a table that survives them."""
