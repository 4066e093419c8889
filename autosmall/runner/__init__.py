"""Who works on them."""
