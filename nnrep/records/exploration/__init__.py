"""What `nnrep explore` writes: tables, structures, trajectories, pictures, and a page."""
