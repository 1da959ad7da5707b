"""Power draw of a Jetson, from the INA3221 monitors on its module.

A monitor has three channels, each on a power rail with a name. Two drivers expose it:

- ina3221 (hwmon; mainline, L4T 34 and later): ``in<n>_label``, ``in<n>_input`` in mV,
  ``curr<n>_input`` in mA. Linux kernel, Documentation/hwmon/ina3221.rst. Channel 7 is a sum.
- ina3221x (iio; NVIDIA's, up to L4T 32): ``rail_name_<n>``, ``in_power<n>_input`` in mW. Source:
  jetson-stats (github.com/rbonghi/jetson_stats) and scripts for the Nano and TX1.

The rails that cover a whole module are VDD_IN on Orin NX, Orin Nano and TX1, and POM_5V_IN on the
first Nano. AGX Orin has no such rail, but three on one monitor (VDD_GPU_SOC, VDD_CPU_CV,
VIN_SYS_5V0). Its fourth, VDDQ_VDD2_1V8AO, reads 5 V; we assume that the third feeds it and do not
add it. Rails of Orin: Linux kernel, arch/arm64/boot/dts/nvidia/tegra234-p3701.dtsi, -p3767.dtsi.
No rail includes the power of the carrier board.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from dnnbench.devices.tegra import number, read

_WHOLE_MODULE = (
    ("VDD_IN",),
    ("POM_5V_IN",),
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
)
_CHANNELS = (1, 2, 3)
# On every board, a monitor is a device on an I2C bus, at one of four addresses.
_DEVICES = "sys/bus/i2c/devices/*-004[0-3]"

Rail = Callable[[], float | None]


def rails(root: Path = Path("/")) -> dict[str, Rail]:
    """Return a function for each monitored rail, by name, that reads its power in W."""
    found: dict[str, Rail] = {}
    for folder in sorted(root.glob(f"{_DEVICES}/hwmon/hwmon*")):
        for channel in _CHANNELS:
            name = read(folder / f"in{channel}_label")
            if name and name != "NC":  # Not connected.
                found[name] = _hwmon(folder, channel)
    for pattern in ("iio:device*", "iio_device"):
        for folder in sorted(root.glob(f"{_DEVICES}/{pattern}")):
            for path in sorted(folder.glob("rail_name_*")):
                if name := read(path):
                    found[name] = _iio(folder, path.name.rpartition("_")[2])
    return found


def whole_module(found: Mapping[str, Rail]) -> tuple[str, ...] | None:
    """Return the rails that add up to the module's power; None if one is missing."""
    return next((names for names in _WHOLE_MODULE if set(names) <= found.keys()), None)


def power_w(found: Mapping[str, Rail]) -> float | None:
    """Return the module's power draw now, in W; None if it is not monitored."""
    values = [found[name]() for name in whole_module(found) or ()]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _hwmon(folder: Path, channel: int) -> Rail:
    def watts() -> float | None:
        millivolts = number(folder / f"in{channel}_input")
        milliamperes = number(folder / f"curr{channel}_input")
        if millivolts is None or milliamperes is None:
            return None
        return millivolts * milliamperes / 1e6

    return watts


def _iio(folder: Path, channel: str) -> Rail:
    def watts() -> float | None:
        milliwatts = number(folder / f"in_power{channel}_input")
        return None if milliwatts is None else milliwatts / 1000

    return watts
