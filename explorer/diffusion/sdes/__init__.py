"""Forward SDEs dx = f(x,t) dt + g(t) dw (Song et al. 2021, section 3), one file each."""

from explorer.diffusion.sdes.base import SDE, SDES

__all__ = ["SDE", "SDES"]
