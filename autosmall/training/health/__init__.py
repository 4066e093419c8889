"""Diagnosis of a fit: few rules on the training loss, the predictions and the units of a network.

* :mod:`~autosmall.training.health.rules`: the rules by name, in the words of the report.
* :mod:`~autosmall.training.health.losses`: what the training loss shows, epoch by epoch.
* :mod:`~autosmall.training.health.predictions`: what predictions show at the end of a fit.
* :mod:`~autosmall.training.health.inputs` and :mod:`~autosmall.training.health.units`: whether
  there is anything to see, and which units ever answer.
* :mod:`~autosmall.training.health.monitor`: watches a fit and may stop it.
* :mod:`~autosmall.training.health.verdict`: judges a fit that has ended.

A fit is stopped only for what its training loss shows. What else is seen is marked, and validation
labels enter nothing but marks.

Thresholds were set on drawn pictures and on the digits of scikit-learn (:mod:`autosmall.data.demo`,
:mod:`autosmall.data.probe_tasks`) and judged on others (``tests/benchmarks/README.md``).
"""
