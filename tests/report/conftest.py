"""What tests of the report share: the texts of a chart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest


@pytest.fixture(scope="session")
def texts_of():
    """Returns of a chart's SVG the texts with their looks, those of the groups around included."""

    def walk(element, looks):
        looks = {**looks, **element.attrib}
        if element.tag.endswith("text"):
            yield element.text, looks
        for child in element:
            yield from walk(child, looks)

    return lambda svg: list(walk(ET.fromstring(re.sub("&nbsp;", " ", svg)), {}))
