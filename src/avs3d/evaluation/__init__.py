"""How good a run is: words mapped to a dataset's classes, IoU, TPSS, and what the words are worth.

Numpy alone, but for mapping by similarity (`text/`) and baselines, which run the bundle again.
"""
