"""How good pictures of a network are: distances in a classifier's features, classes, copies. Loads no torch."""

from explorer.analysis.image_quality.features import FeatureFrame, Features, features_of, train_features
from explorer.analysis.image_quality.frechet import Moments, floor, frechet
from explorer.analysis.image_quality.nearest import Copies, copies, nearest
from explorer.analysis.image_quality.samples import drawn

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
