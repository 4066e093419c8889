"""Charts from facts: Altair specifications rendered to static SVG."""
