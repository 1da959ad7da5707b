import subprocess
import sys
import textwrap

import pytest
from helpers.paths import ROOT

from dnnbench.core.storage import read_lines
from dnnbench.measure.journal import Journal
from dnnbench.records.latency_records import LatencyLine


@pytest.mark.parametrize("said", ["", "print('round 1 of 5', file=sys.stderr, flush=True)"])
def test_a_round_whose_output_has_lost_its_reader_stays_unfinished(tmp_path, said):
    """Snakemake deletes the outputs of such a job, but the journal is kept."""
    output = tmp_path / "round-1.jsonl"
    code = f"""
        import sys
        sys.path.insert(0, {str(ROOT / "tests")!r})
        from pathlib import Path
        from dnnbench.core import output
        from dnnbench.measure.journal import Journal
        from helpers import timings
        with output.ending_in_a_line("latency.py", needed=False):
            journal = Journal(Path({str(output)!r}))
            journal.append(timings.line(1, 2.0))
            sys.stdin.read()
            {said}
            journal.finish([timings.line(1, 2.0)])
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stderr.close()
    process.stdin.close()
    assert process.wait(60) != 0
    assert not output.exists()
    journal = Journal(output)
    (line,) = journal.unfinished()
    journal.finish([line])
    assert read_lines(output, LatencyLine) == [line]
    assert list(tmp_path.iterdir()) == [output]
