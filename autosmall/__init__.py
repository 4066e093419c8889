"""AutoSmall: which way of training suits a few labelled pictures, and how far to trust it."""

__version__ = "0.1.0"
