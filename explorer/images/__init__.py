"""Pictures as data: sets of them as distributions in hundreds of dimensions. No torch; files are read by Pillow."""

from explorer.distributions import DISTRIBUTIONS, Distribution
from explorer.images.base import IMAGES, ImageSet, from_pixels, to_pixels
from explorer.registry import Joined, Registry

#: All data there is: points and pictures.
DATA: Registry[Distribution] = Joined("distribution", DISTRIBUTIONS, IMAGES)

__all__ = ["DATA", "IMAGES", "ImageSet", "from_pixels", "to_pixels"]
