"""What settings are called on the page, where their names in configurations are no plain words."""

from __future__ import annotations

_WORDS = {
    "color_mode": "colour or grey",
    "image_size_px": "resolution",
    "noise_std": "added noise",
    "penalty_c": "penalty C",
}

_UNITS = {"image_size_px": "px"}


def setting_words(name: str) -> str:
    """Return a setting's name in words.

    >>> setting_words("image_size_px"), setting_words("learning_rate")
    ('resolution', 'learning rate')
    """
    return _WORDS.get(name) or name.replace("_", " ")


def setting_title(name: str) -> str:
    """Return the same with its unit, as beside values.

    >>> setting_title("image_size_px"), setting_title("learning_rate")
    ('resolution (px)', 'learning rate')
    """
    unit = _UNITS.get(name)
    return f"{setting_words(name)} ({unit})" if unit else setting_words(name)
