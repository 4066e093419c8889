"""What the stored results say."""
