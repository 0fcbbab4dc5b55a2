"""The live viewer: a scan, a run or a dataset in a browser, to turn and to ask (extra ``viewer``).

What there is to see is a `Show` of `Subject`s (`shows.py`, `subject.py`); how it looks is a `Look`
(`look.py`); `app.py` puts both into a browser through viser.
"""
