"""Networks and feature extractors."""
