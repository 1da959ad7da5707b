"""File trees of Jetson boards in /sys, /proc, and /etc; see ``dnnbench.devices.tegra``."""

from collections.abc import Mapping
from pathlib import Path

# Readable only by root.
MEMORY_LOCK = "sys/kernel/debug/bpmp/debug/clk/emc/mrq_rate_locked"


def write(root: Path, files: Mapping[str, object]) -> None:
    """Write the kernel's files, given by path; each ends with a line feed."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def meminfo(root: Path, available_mib: float, swap_used_mib: float = 0, total_mib: float = 7620):
    swap_mib = 3810
    write(
        root,
        {
            "proc/meminfo": f"MemTotal: {total_mib * 1024:.0f} kB\n"
            f"MemFree: 400000 kB\nMemAvailable: {available_mib * 1024:.0f} kB\n"
            f"SwapTotal: {swap_mib * 1024} kB\nSwapFree: {(swap_mib - swap_used_mib) * 1024:.0f} kB"
        },
    )


def _cpus(count: int, low: int, high: int, governor: str) -> dict[str, object]:
    files: dict[str, object] = {"sys/devices/system/cpu/online": f"0-{count - 1}"}
    for cpu in range(count):
        folder = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
        files |= {
            f"{folder}/scaling_cur_freq": high,
            f"{folder}/scaling_min_freq": low,
            f"{folder}/scaling_max_freq": high,
            f"{folder}/cpuinfo_max_freq": high,
            f"{folder}/scaling_governor": governor,
        }
    return files


def _gpu(name: str, now: int, low: int, high: int) -> dict[str, object]:
    folder = f"sys/class/devfreq/{name}"
    return {f"{folder}/cur_freq": now, f"{folder}/min_freq": low, f"{folder}/max_freq": high}


def orin_nano(root: Path, locked: bool = True) -> Path:
    """Write the files of an Orin Nano, L4T 36: VDD_IN, nvpmodel, video engines next to the GPU."""
    gpu = (624_750_000,) * 3 if locked else (306_000_000, 306_000_000, 624_750_000)
    cpu = (1_510_400,) * 2 if locked else (115_200, 1_510_400)
    hwmon = "sys/bus/i2c/devices/1-0040/hwmon/hwmon1"
    write(
        root,
        {
            "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
            "etc/nv_tegra_release": "# R36 (release), REVISION: 3.0, GCID: 36923193",
            **_cpus(6, *cpu, governor="schedutil"),
            **_gpu("15340000.vic", 115_200_000, 115_200_000, 729_600_000),
            **_gpu("17000000.gpu", *gpu),
            "sys/class/devfreq/17000000.gpu/device/load": 437,
            MEMORY_LOCK: int(locked),
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
            "sys/class/thermal/thermal_zone0/temp": 51_125,
            "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
            "sys/class/thermal/thermal_zone1/temp": 48_562,
            f"{hwmon}/in1_label": "VDD_IN",
            f"{hwmon}/in1_input": 5056,
            f"{hwmon}/curr1_input": 1000,
            f"{hwmon}/in2_label": "VDD_CPU_GPU_CV",
            f"{hwmon}/in2_input": 5048,
            f"{hwmon}/curr2_input": 250,
            f"{hwmon}/in7_label": "sum of shunt voltages",
            f"{hwmon}/in7_input": 0,
            "var/lib/nvpmodel/status": "pmode:0001",
            "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n"
            "< POWER_MODEL ID=1 NAME=7W >\n< PM_CONFIG DEFAULT=0 >",
        },
    )
    meminfo(root, 6000)
    return root


def agx_orin(root: Path) -> Path:
    """Write the files of an AGX Orin, L4T 36: no total rail, one unconnected channel."""
    first, second = (f"sys/bus/i2c/devices/1-004{n}/hwmon/hwmon{3 + n}" for n in (0, 1))
    write(
        root,
        {
            "proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
            **_cpus(12, 2_201_600, 2_201_600, "performance"),
            **_gpu("17000000.gpu", *(1_300_500_000,) * 3),
            f"{first}/in1_label": "VDD_GPU_SOC",
            f"{first}/in1_input": 1000,
            f"{first}/curr1_input": 6000,
            f"{first}/in2_label": "VDD_CPU_CV",
            f"{first}/in2_input": 1000,
            f"{first}/curr2_input": 3000,
            f"{first}/in3_label": "VIN_SYS_5V0",
            f"{first}/in3_input": 5000,
            f"{first}/curr3_input": 1000,
            f"{second}/in1_label": "NC",
            f"{second}/in1_input": 0,
            f"{second}/curr1_input": 0,
            f"{second}/in2_label": "VDDQ_VDD2_1V8AO",
            f"{second}/in2_input": 5000,
            f"{second}/curr2_input": 200,
        },
    )
    meminfo(root, 28000, total_mib=30697)
    return root


def tx1(root: Path) -> Path:
    """Write the files of a TX1, L4T 28: iio, load next to a platform device, no nvpmodel."""
    iio = "sys/bus/i2c/devices/1-0040/iio_device"
    carrier = "sys/bus/i2c/devices/1-0042/iio_device"
    write(
        root,
        {
            "proc/device-tree/model": "jetson_tx1\0",
            "etc/nv_tegra_release": "# R28 (release), REVISION: 2.0, GCID: 10567845",
            **_cpus(4, 102_000, 1_734_000, "interactive"),
            **_gpu("57000000.gpu", 998_400_000, 76_800_000, 998_400_000),
            "sys/devices/gpu.0/load": 39,
            "sys/class/thermal/thermal_zone1/type": "CPU-therm",
            "sys/class/thermal/thermal_zone1/temp": 41_000,
            "sys/class/thermal/thermal_zone2/type": "GPU-therm",
            "sys/class/thermal/thermal_zone2/temp": 38_500,
            f"{iio}/rail_name_0": "VDD_IN",
            f"{iio}/in_power0_input": 6203,
            f"{iio}/rail_name_1": "VDD_GPU",
            f"{iio}/in_power1_input": 2100,
            f"{carrier}/rail_name_0": "VDD_MUX",
            f"{carrier}/in_power0_input": 7900,
        },
    )
    meminfo(root, 3000, total_mib=3983)
    return root


def bare(root: Path) -> Path:
    """Write the files of a third-party board without power monitors and with little else."""
    write(
        root,
        {
            "proc/device-tree/model": "NVIDIA Orin NX on a third party's carrier\0",
            **_cpus(8, 729_600, 1_984_000, "schedutil"),
            **_gpu("17000000.ga10b", *(918_000_000,) * 3),
        },
    )
    meminfo(root, 12000, total_mib=15523)
    return root
