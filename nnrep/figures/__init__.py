"""The paper's figures: one module or folder each, for its picture, its tables and its claims."""

from nnrep.figures.registry import FIGURES

__all__ = ["FIGURES"]
