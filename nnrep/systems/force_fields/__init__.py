"""Which energy a molecule has: one force field a file, see `ForceField`."""
