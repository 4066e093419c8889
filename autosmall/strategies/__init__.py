"""Ways of training, one recipe per file."""
