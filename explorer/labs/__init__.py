"""Laboratories: one idea of the theory each, taken apart and measured. One file each."""

from explorer.labs.base import LABS, SECTIONS, Context, Lab, OwnPicture, Report

__all__ = ["LABS", "SECTIONS", "Context", "Lab", "OwnPicture", "Report"]
