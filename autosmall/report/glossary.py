"""Words of the report, explained in a sentence or two, with their sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, what it means here, and where the method comes from (may be empty)."""

    word: str
    meaning: str
    source: str = ""


GLOSSARY = (
    Term(
        "accuracy",
        "Share of the pictures that are given their own class.",
    ),
    Term(
        "autoencoder",
        "A strategy: a network first learns to restore the pictures, without labels; what it then "
        "knows of them is the start of a classifier.",
    ),
    Term(
        "average precision",
        "Area under the curve of precision over recall of one class against the others; guessing "
        "reaches the share of that class.",
    ),
    Term(
        "balanced accuracy",
        "Mean over classes of the share of their pictures that are found, so that a rare class "
        "counts as much as a common one.",
    ),
    Term(
        "baseline",
        "A strategy that does not look at the pictures: it gives every one the shares of the "
        "classes, so that the commonest class wins. What learns nothing scores like it.",
    ),
    Term(
        "calibration error",
        "Mean distance between how sure the model says it is and how often it is right, in bins "
        "of equally many pictures. Chance alone makes it positive, the more so the fewer pictures "
        "there are, so it stands beside what perfect calibration would show.",
        "Guo, Pleiss, Sun and Weinberger, ICML 2017; Bröcker and Smith, Weather and Forecasting "
        "22, 2007",
    ),
    Term(
        "classical",
        "A strategy: features worked out by rule (edges, colours, textures) and a classifier on "
        "them, without a network.",
    ),
    Term(
        "configuration",
        "A strategy with a value for each of its settings. One that was tried is a trial.",
    ),
    Term(
        "corrected score",
        "The best of many looks better than it is. Pictures are drawn at random with replacement, "
        "the recommendation is made anew on those drawn and judged on those left out; the mean "
        "over many draws is what to expect of the pick. The interval says how far it would vary "
        "with other pictures; where the learning curve was measured, it is drawn out to hold the "
        "model that learns from all of them. Configurations that were raced out take no part: in "
        "simulations that changes the corrected score by 0.2 points at most.",
        "Tsamardinos, Greasidou and Borboudakis, Machine Learning 107, 2018",
    ),
    Term(
        "cross-fitted",
        "What is set with the help of labels (a temperature, a threshold) is set for each fold "
        "on the pictures of the others, and judged on those of the fold.",
    ),
    Term(
        "cross-validation, fold",
        "The pictures are cut into parts; each part in turn is held out, the rest is trained on, "
        "and the score is taken on the part held out. Copies and groups stay in one part.",
    ),
    Term(
        "effect of a brake",
        "Change of the gap or of the score from the weak to the strong end of a setting that is "
        "meant to hold overfitting back, among the configurations of one strategy that this search "
        "tried. Learning rate, epochs and backbone are held still in full, all other settings as "
        "far as they matter. The interval is over configurations, on the same pictures and folds. "
        "An effect counts as shown if it stands out among all comparisons at 5 %.",
        "Patterson and Thompson, Biometrika 58, 1971; Holm, Scandinavian Journal of Statistics 6, "
        "1979",
    ),
    Term(
        "ensemble",
        "Several configurations whose probabilities are averaged. Members are added greedily, the "
        "same one as often as it helps; the gain is corrected for that choice.",
        "Caruana, Niculescu-Mizil, Crew and Ksikes, ICML 2004",
    ),
    Term(
        "fANOVA",
        "How much of the variation of scores over all that was tried a setting explains by itself.",
        "Hutter, Hoos and Leyton-Brown, ICML 2014",
    ),
    Term(
        "fine_tune",
        "A strategy: a network that was trained on other pictures goes on learning on these, from "
        "its last blocks down to a chosen depth.",
    ),
    Term(
        "frozen",
        "A strategy: a network that was trained on other pictures stays as it is and describes "
        "these; only a small classifier on its descriptions is trained.",
    ),
    Term(
        "gap",
        "How much better a configuration does on its training pictures than on held-out ones. A "
        "large gap means that it has learned the training pictures by heart (overfitting).",
    ),
    Term(
        "interval of one configuration",
        "How far its score would vary, at 95 %, with other pictures, widened by what folds vary "
        "beyond them, corrected for folds that share training pictures. It does not know that the "
        "configuration was picked as the best of many.",
        "Nadeau and Bengio, Machine Learning 52, 2003",
    ),
    Term(
        "log loss",
        "Mean of minus the logarithm of the probability given to the true class; lower is better.",
    ),
    Term(
        "naive score",
        "The mean over folds, before the correction for having picked the best of many.",
    ),
    Term(
        "paired difference",
        "The difference of two configurations on the same pictures. Much of what is hard for one "
        "is hard for the other and cancels, so it is known better than either score. Its interval "
        "comes from the pictures, widened by what folds vary beyond them, corrected for folds "
        "that share training pictures.",
        "Nadeau and Bengio, Machine Learning 52, 2003 (corrected resampled t-test)",
    ),
    Term(
        "PED-ANOVA",
        "How far a setting's values among the best trials differ from those among all: what "
        "matters for getting among the best.",
        "Watanabe, Bansal and Hutter, IJCAI 2023",
    ),
    Term(
        "plain default",
        "The configuration that one would take without a search. Another one is recommended only "
        "if it is better than this with a probability above 90 %.",
    ),
    Term(
        "power law, learning curve",
        "How the error falls with the number of training pictures n: about a + b / n^c. All "
        "exponents c that go with the measured sizes are kept, which makes the interval wide where "
        "the sizes cannot tell them apart. Beyond the measured sizes it is an extrapolation.",
        "Figueroa et al., BMC Medical Informatics and Decision Making 12:8, 2012",
    ),
    Term(
        "practically equal",
        "Two scores at most 1 point apart. The probabilities of being worse by more, of being "
        "practically equal and of being better by more add up to 100 %. They come from a Student "
        "t distribution around the paired difference.",
        "Benavoli, Corani, Demšar and Zaffalon, JMLR 18, 2017",
    ),
    Term(
        "precision",
        "Of the pictures that are called one of a class, the share that are. It falls where the "
        "class is rarer.",
    ),
    Term(
        "raced out",
        "Stopped after some folds, because it was too far behind to matter.",
    ),
    Term(
        "recall",
        "Of the pictures of a class, the share that are called so.",
    ),
    Term(
        "recommended",
        "The best score, if it is better than the plain default with a probability above 90 %, "
        "else the default. True scores are taken to spread as widely as those of the better half "
        "here show beyond chance, and a lead counts the less, the smaller that spread. With "
        "--prefer simple or speed, the cheapest within one standard error and 1 point of the best "
        "score takes its place.",
        "Efron and Morris, JASA 70, 1975",
    ),
    Term(
        "scratch",
        "A strategy: a small network that is trained on these pictures alone.",
    ),
    Term(
        "temperature",
        "One number by which a saved model's probabilities are made as sure as they deserve: "
        "above 1 less sure, below 1 surer. The most probable class stays the same.",
        "Guo, Pleiss, Sun and Weinberger, ICML 2017",
    ),
    Term(
        "tied",
        "These pictures cannot tell it from the configuration with the best score: the test of "
        "the paired difference has p above 0.05. That is no proof of being equal.",
    ),
    Term(
        "trainable parameters",
        "Numbers in the model that training changes.",
    ),
    Term(
        "unhealthy",
        "Stopped early, as its training showed that nothing would come of it. Diagnoses of a "
        "configuration that was not stopped are told too, and do not make it unhealthy.",
    ),
)
"""All words, in alphabetical order."""
