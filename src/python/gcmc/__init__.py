"""Graph Convolutional Matrix Completion: train on ratings, ask for ratings, recommendations, likeness and reasons."""

from ._gcmc import version as __version__
from .model import Model, describe, load
from .newcomer import Newcomer

__all__ = ["Model", "Newcomer", "describe", "load", "__version__"]
