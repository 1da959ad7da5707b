"""Tests of the 2018 study: claims, anomalies, and comparison with new numbers.

``correlation``, ``relabeling`` and ``step`` are statistics independent of the study.
``place_tables`` arranges the numbers of a place (the printed tables, the corrected ones, a device).
``stated`` represents a claim as printed; each ``claims_*`` module tests one kind of claim in a
place. A claim consists of its rows in ``published/bianco2018/claims.csv`` and an entry of
``CLAIMS`` in one of these modules. ``corrections`` finds and undoes anomalies, ``anomalies``
describes them, ``examine`` derives the verdicts, and ``replication`` compares published numbers
with measured ones.
"""
