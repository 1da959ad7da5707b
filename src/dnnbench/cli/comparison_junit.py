"""The outcome of a gate as a JUnit report, which continuous integration services read."""

from xml.etree import ElementTree

from dnnbench.cli import gate
from dnnbench.queries.regressions import Gate


def report(found: Gate) -> str:
    """Return the report: a test case per check; inconclusive and new cells are skipped."""
    counts = {
        "tests": str(len(found.checks)),
        "failures": str(found.count("regression")),
        "errors": "0",
        "skipped": str(found.count("inconclusive") + found.count("new")),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "dnnbench compare"} | counts)
    for check in found.checks:
        where = ".".join(filter(None, (check.device, check.variant, check.metric)))
        names = {"classname": where, "name": gate.cell(check, {})}
        case = ElementTree.SubElement(suite, "testcase", names)
        if check.outcome == "regression":
            ElementTree.SubElement(case, "failure", {"message": check.reason})
        elif check.outcome != "pass":
            message = f"{check.outcome}: {check.reason}"
            ElementTree.SubElement(case, "skipped", {"message": message})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
