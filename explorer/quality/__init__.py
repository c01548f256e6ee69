"""How good pictures of a network are: distances in a classifier's features, classes, copies. Loads no torch."""

from explorer.quality.features import FeatureFrame, Features, features_of, train_features
from explorer.quality.frechet import Moments, floor, frechet
from explorer.quality.nearest import Copies, copies, nearest
from explorer.quality.samples import drawn

__all__ = [
    "Copies",
    "FeatureFrame",
    "Features",
    "Moments",
    "copies",
    "drawn",
    "features_of",
    "floor",
    "frechet",
    "nearest",
    "train_features",
]
