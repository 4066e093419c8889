"""From stored results to one HTML page."""
