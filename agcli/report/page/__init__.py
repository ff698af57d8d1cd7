"""A run as one HTML page that needs nothing else: no network, no scripts."""

from .page import page, written

__all__ = ["page", "written"]
