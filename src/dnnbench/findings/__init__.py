"""The 2018 study put to the test: claims, anomalies, and published against measured numbers.

``correlation``, ``relabelling`` and ``step`` are statistics that know nothing of the study.
``place_tables`` arranges the numbers of a place (the printed tables, the corrected ones, a device).
``stated`` is a claim as printed; each ``claims_*`` module judges one kind of claim in a place. A
claim is its rows in ``published/bianco2018/claims.csv`` and an entry of ``CLAIMS`` in one of them.
``corrections`` finds and undoes anomalies, ``anomalies`` puts them in words, ``examine`` derives
the verdicts, and ``replication`` sets published numbers beside measured ones.
"""
