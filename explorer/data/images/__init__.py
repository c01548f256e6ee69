"""Pictures as data: sets of them as distributions in hundreds of dimensions. No torch; files are read by Pillow."""

from explorer.base.registry import Joined, Registry
from explorer.data.distributions import DISTRIBUTIONS, Distribution
from explorer.data.images.base import IMAGES, ImageSet, from_pixels, to_pixels

#: All data there is: points and pictures.
DATA: Registry[Distribution] = Joined("distribution", DISTRIBUTIONS, IMAGES)

__all__ = ["DATA", "IMAGES", "ImageSet", "from_pixels", "to_pixels"]
