"""Modules that are slow to load, loaded while JAX computes, which leaves Python to other threads."""

import threading
from importlib import import_module


def load_ahead(module: str) -> threading.Thread:
    """Begin to import a module; a later import of it waits, and raises what it raises."""

    def load() -> None:
        try:
            import_module(module)
        except Exception:
            return  # whoever needs the module meets the same

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    return thread
