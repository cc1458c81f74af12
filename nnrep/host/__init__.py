"""This machine: JAX, caches, compilation, memory, threads, interruption, the terminal."""
