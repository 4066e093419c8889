"""From a finished search to the model of a configuration, trained on all pictures."""
