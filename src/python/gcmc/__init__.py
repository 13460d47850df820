"""Graph Convolutional Matrix Completion: train on ratings, ask for ratings, recommendations, likeness and reasons."""

from ._gcmc import version as __version__
from .model import Model, Newcomer, load

__all__ = ["Model", "Newcomer", "load", "__version__"]
