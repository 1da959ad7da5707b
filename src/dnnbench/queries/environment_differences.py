"""Differences between the machines and the software of two runs."""

from collections.abc import Sequence

from dnnbench.records.environment_records import Environment


def differences(environments: Sequence[Environment]) -> list[str]:
    """Return what may explain a change in latency, as ``key: before -> after``."""
    if len(environments) < 2:
        return []
    before, after = map(_facts, environments)
    return [
        f"{key}: {_shown(before.get(key))} -> {_shown(after.get(key))}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ] + _variables(*environments)


def _facts(environment: Environment) -> dict[str, object]:
    """Return the facts that may explain a change in latency."""
    names = ("hostname", "cpu", "cores", "threads", "gpu", "driver", "virtual_machine", "governor")
    more = ("processors", "quota_cores", "turbo", "os", "kernel", "python", "commit", "modified")
    gpu = environment.gpu_details
    details = gpu.model_dump(exclude={"clock_mhz", "settings"}) | gpu.settings if gpu else {}
    return {
        **{key: getattr(environment, key) for key in (*names, *more)},
        **{f"gpu {key}": value for key, value in details.items()},
        **environment.packages,
    }


def _shown(fact: object) -> object:
    return "unknown" if fact is None else fact


def _variables(before: Environment, after: Environment) -> list[str]:
    """Return environment variables that differ; records of older versions lack them."""
    if before.variables is None or after.variables is None:
        shown = [
            "not recorded" if seen is None else ", ".join(seen) or "none"
            for seen in (before.variables, after.variables)
        ]
        same = shown[0] == shown[1] or "none" in shown
        return [] if same else [f"environment variables: {shown[0]} -> {shown[1]}"]
    return [
        f"{name}: {before.variables.get(name, 'not set')} -> {after.variables.get(name, 'not set')}"
        for name in sorted({*before.variables, *after.variables})
        if before.variables.get(name) != after.variables.get(name)
    ]
