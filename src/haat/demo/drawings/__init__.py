"""Draws the demo shop's products as SVG: own objects, one light from the top left, no fonts and no references."""

from haat.demo.drawings.compose import draw

__all__ = ["draw"]
