"""What settings are called on the page, where their names in configurations are no plain words."""

from __future__ import annotations

_WORDS = {
    "color_mode": "colour or grey",
    "image_size_px": "resolution in pixels",
    "noise_std": "added noise",
    "penalty_c": "penalty C",
}


def setting_words(name: str) -> str:
    """Return a setting's name in words.

    >>> setting_words("image_size_px"), setting_words("learning_rate")
    ('resolution in pixels', 'learning rate')
    """
    return _WORDS.get(name) or name.replace("_", " ")
