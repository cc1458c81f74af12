"""How the inputs of a map are moved: one optimiser a file, see `Optimizer`."""
