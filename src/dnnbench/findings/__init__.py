"""The published study put to the test: claims, anomalies, and published against measured numbers.

From the ground up: ``correlation``, ``relabelling`` and ``step`` are statistics that know nothing
of the study. ``tables`` arranges the numbers of a place, ``corrections`` finds and undoes what
looks wrong in them, ``anomalies`` puts it in words. ``stated`` is a claim as printed, and each
``claims_*`` module has a small function a kind of claim, which says what the claim comes to in a
place: words made from numbers, the numbers, and whether it holds. The same function is asked of the
printed tables, of the corrected ones and of every device. Where the paper uses a word (such as
"almost all"), the threshold is ours and stands at the head of the module. ``examine`` makes
verdicts of it all, ``replication`` a table, ``section`` the section of the page.
"""
