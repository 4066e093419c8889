"""From files to samples, folds and pixels."""
