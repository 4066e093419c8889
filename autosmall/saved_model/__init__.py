"""The saved model: its folder, predictions, scores, card and exports."""
