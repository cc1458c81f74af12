"""Choices by name: registries, settings with their defaults, and what a run is called by."""
