"""What the report shows of an autoencoder's reconstructions."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from autosmall.report import sentences, write_report
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page

HOSTILE = '"><img src=x onerror="window.PWN=1"></script>'


@pytest.fixture(scope="module")
def run(drawn):
    """Two autoencoders, the second better, and a strategy that restores nothing."""
    trials = [
        drawn.DrawnTrial("frozen", 0.9),
        drawn.DrawnTrial("autoencoder", 0.5, values={"encoder": "frozen"}),
        drawn.DrawnTrial("autoencoder", 0.8, values={"encoder": "fine_tuned"}),
    ]
    names = [f"{HOSTILE}{row}" for row in range(120)]
    return drawn.with_reconstructions(drawn.make_run(trials, names=names))


def page_of(run):
    facts = gather_facts(run, "run")
    return render_page(facts, build_figures(facts))


class Images(HTMLParser):
    """Collects the attributes of all images."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


def test_the_best_autoencoder_is_shown_with_its_errors(run):
    found = gather_facts(run, "run").reconstructions
    assert found.trial == 2
    assert found.error == pytest.approx(30 / 255 + 0.002)  # mean over folds 0 to 4
    assert found.train_error == pytest.approx(0.1)
    assert found.mean_picture_error == pytest.approx(0.2)
    first = run.folds.validation_index(0)[0]
    assert found.pairs[0].sample == run.sample_names[first]
    assert found.pairs[0].truth == run.classes[run.labels[first]]
    assert found.pairs[0].error == pytest.approx(30 / 255)


def test_pictures_are_original_and_reconstruction_side_by_side(run):
    stored = run.trials[2].folds[0].reconstructions
    for index, image in enumerate(Images(page_of(run)).found):
        kind, content = image["src"].split(",")
        assert kind == "data:image/png;base64"
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        np.testing.assert_array_equal(pixels[:, :16], stored.originals[index])
        np.testing.assert_array_equal(pixels[:, -16:], stored.restored[index])
        assert image["alt"].startswith(HOSTILE)
        assert set(image) == {"src", "alt"}
    assert index == 7


def test_the_page_holds_no_address_and_stays_small(drawn):
    trial = drawn.DrawnTrial("autoencoder", 0.8)
    whole = page_of(drawn.with_reconstructions(drawn.make_run([trial]), side=64))
    page = re.sub(r"<script>.*?</script>", "", whole, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"' )<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert len(page.encode()) < 1_000_000  # noise, which PNG cannot make smaller


def test_json_has_the_numbers_and_not_the_pictures(run):
    stored = to_json(gather_facts(run, "run"))["reconstructions"]
    assert set(stored["pairs"][0]) == {"sample", "truth", "error"}
    assert stored["trial"] == 2
    assert len(json.dumps(stored)) < 5000


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stored_run_shows_the_same(drawn, tmp_path, channels):
    made = drawn.make_run([drawn.DrawnTrial("autoencoder", 0.8)])
    run = drawn.with_reconstructions(made, channels=channels)
    drawn.store_run(run, tmp_path)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    expected = [pair.picture for pair in gather_facts(run, "run").reconstructions.pairs]
    assert [image["src"].split(",")[1] for image in Images(page).found] == expected


def test_without_examples_there_is_nothing_to_show(drawn, run):
    bare = replace(run.trials[2], folds=tuple(
        replace(fold, notes={}, reconstructions=None) for fold in run.trials[2].folds
    ))  # fmt: skip
    for trials in (run.trials[:1], (bare,)):
        facts = gather_facts(replace(run, trials=trials), "run")
        assert facts.reconstructions is None
        assert "gives back" not in render_page(facts, build_figures(facts))
    assert gather_facts(drawn.make_run([]), "run").reconstructions is None


def test_sentence_tells_errors_and_claims_no_more():
    good = sentences.reconstructions(4, 0.031, 0.029, 0.18, fine_tuned=False)
    assert "trial 4" in good
    assert "3.1 % of the range" in good and "2.9 % on training" in good and "by 18 %" in good
    assert "Little of" not in good and "Labels have changed" not in good
    poor = sentences.reconstructions(4, 0.17, 0.17, 0.18, fine_tuned=True)
    assert "Little of the single picture" in poor and "Labels have changed" in poor
    unknown = sentences.reconstructions(
        4, float("nan"), float("nan"), float("nan"), fine_tuned=False
    )
    assert "nan" not in unknown and "Little of" not in unknown
