"""One search, from settings to a finished run folder, and what is asked of its models after."""
