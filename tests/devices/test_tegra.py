import os

import pytest
from helpers import boards

from dnnbench.devices import ina3221
from dnnbench.devices.tegra import Board, read


def board(root):
    """Make a board without the nvpmodel command."""
    return Board(root, query=lambda: None)


def test_an_orin_with_locked_clocks(tmp_path):
    orin = board(boards.orin_nano(tmp_path))
    assert orin.model() == "NVIDIA Jetson Orin Nano Developer Kit"
    assert orin.l4t() == "36.3.0"
    assert orin.gpu_clock().now_mhz == 624.75  # The GPU's rather than the video engine's.
    assert orin.gpu_clock().locked
    assert orin.gpu_load() == pytest.approx(0.437)
    assert orin.gpu_temperature_c() == pytest.approx(48.562)
    assert orin.clocks_locked() is True
    assert orin.cpu_governors() == ["schedutil"]
    assert orin.power_mode() == "7W (1)"
    assert orin.available_mib() == pytest.approx(6000)
    assert orin.total_mib() == pytest.approx(7620)
    assert orin.swap_used_mib() == 0
    assert ina3221.power_w(ina3221.rails(tmp_path)) == pytest.approx(5.056)


def test_clocks_float_if_either_the_gpu_or_a_core_does(tmp_path):
    both = board(boards.orin_nano(tmp_path / "both", locked=False))
    assert both.gpu_clock().high_mhz == 624.75 and both.gpu_clock().low_mhz == 306
    assert both.clocks_locked() is False
    one = tmp_path / "one"
    boards.orin_nano(one)
    boards.write(one, {"sys/devices/system/cpu/cpu5/cpufreq/scaling_min_freq": 115_200})
    assert board(one).gpu_clock().locked
    assert board(one).clocks_locked() is False


@pytest.mark.parametrize("unread", ["sys/class/devfreq/17000000.gpu/min_freq", boards.MEMORY_LOCK])
def test_clocks_are_not_reported_as_locked_if_one_is_unreadable(tmp_path, unread):
    boards.orin_nano(tmp_path)
    (tmp_path / unread).unlink()
    assert board(tmp_path).clocks_locked() is None


def test_a_tx1(tmp_path):
    tx1 = board(boards.tx1(tmp_path))
    assert tx1.model() == "jetson_tx1"
    assert tx1.l4t() == "28.2.0"
    assert tx1.gpu_load() == pytest.approx(0.039)
    assert tx1.gpu_temperature_c() == 38.5
    assert tx1.clocks_locked() is False
    assert tx1.power_mode() is None
    rails = ina3221.rails(tmp_path)
    assert rails.keys() == {"VDD_IN", "VDD_GPU", "VDD_MUX"}
    assert ina3221.power_w(rails) == pytest.approx(6.203)


def test_a_later_l4t_has_the_monitor_in_another_folder(tmp_path):
    folder = "sys/bus/i2c/devices/6-0040/iio:device0"
    boards.write(
        tmp_path, {f"{folder}/rail_name_0": "POM_5V_IN", f"{folder}/in_power0_input": 2500}
    )
    assert ina3221.power_w(ina3221.rails(tmp_path)) == pytest.approx(2.5)


def test_an_agx_orin_draws_the_sum_of_three_rails(tmp_path):
    rails = ina3221.rails(boards.agx_orin(tmp_path))
    assert "NC" not in rails
    assert rails["VDDQ_VDD2_1V8AO"]() == pytest.approx(1)
    assert ina3221.whole_module(rails) == ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
    assert ina3221.power_w(rails) == pytest.approx(6 + 3 + 5)


def test_an_unreadable_rail_leaves_the_power_unknown(tmp_path):
    rails = ina3221.rails(boards.agx_orin(tmp_path))
    (tmp_path / "sys/bus/i2c/devices/1-0040/hwmon/hwmon3/curr2_input").unlink()
    assert ina3221.power_w(rails) is None


def test_power_is_unknown_rather_than_zero_without_monitors(tmp_path):
    rails = ina3221.rails(boards.bare(tmp_path))
    assert rails == {}
    assert ina3221.power_w(rails) is None
    bare = board(tmp_path)
    assert bare.model() == "NVIDIA Orin NX on a third party's carrier"
    assert bare.gpu_clock().locked
    assert bare.clocks_locked() is False  # The cores float.
    assert bare.l4t() is bare.gpu_load() is bare.gpu_temperature_c() is bare.power_mode() is None


def test_a_machine_without_any_files_has_no_values(tmp_path):
    nothing = board(tmp_path)
    answers = [
        getattr(nothing, question)()
        for question in (
            *("model", "l4t", "gpu_clock", "gpu_load", "gpu_temperature_c", "clocks_locked"),
            *("power_mode", "available_mib", "total_mib", "swap_used_mib"),
            "memory_clock_locked",
        )
    ]
    assert answers == [None] * 11
    assert nothing.online() == nothing.big_cores() == nothing.cpu_governors() == []
    assert ina3221.power_w(ina3221.rails(tmp_path)) is None


def test_files_with_unexpected_content_have_no_values(tmp_path):
    boards.orin_nano(tmp_path)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.write_bytes(b"\xff?\n")
    odd = board(tmp_path)
    assert odd.gpu_clock() is odd.gpu_load() is odd.gpu_temperature_c() is None
    assert odd.model() is odd.l4t() is odd.power_mode() is odd.available_mib() is None
    assert ina3221.power_w(ina3221.rails(tmp_path)) is None


def test_a_sensor_of_a_powered_down_unit_has_no_value(tmp_path, monkeypatch):
    boards.orin_nano(tmp_path)

    def busy(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "read", busy)
    assert read(tmp_path / "sys/class/thermal/thermal_zone1/temp") is None
    assert board(tmp_path).gpu_temperature_c() is None


def test_nvpmodel_takes_precedence_over_its_files(tmp_path):
    said = "NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN_SUPER\n2\n"
    assert Board(boards.orin_nano(tmp_path), query=lambda: said).power_mode() == "MAXN_SUPER (2)"


def test_the_default_power_mode_applies_until_another_is_chosen(tmp_path):
    boards.orin_nano(tmp_path)
    (tmp_path / "var/lib/nvpmodel/status").unlink()
    assert board(tmp_path).power_mode() == "15W (0)"


def test_cores_turned_off_by_a_power_mode_do_not_count(tmp_path):
    boards.orin_nano(tmp_path)
    boards.write(tmp_path, {"sys/devices/system/cpu/online": "0-1,4"})
    assert board(tmp_path).big_cores() == [0, 1, 4]
    assert set(board(tmp_path).cpu_clocks()) == {0, 1, 4}


def test_little_cores_do_not_count_as_big(tmp_path):
    boards.orin_nano(tmp_path)
    for cpu in (0, 1):
        path = f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq"
        boards.write(tmp_path, {path: 1_036_800})
    assert board(tmp_path).big_cores() == [2, 3, 4, 5]
    for cpu in range(6):
        size = 1024 if cpu == 3 else 300
        boards.write(tmp_path, {f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity": size})
    assert board(tmp_path).big_cores() == [3]


def test_a_floating_memory_clock_counts_if_root_can_see_it(tmp_path):
    boards.orin_nano(tmp_path)
    boards.write(tmp_path, {boards.MEMORY_LOCK: 0})
    assert board(tmp_path).clocks_locked() is False
    boards.write(tmp_path, {boards.MEMORY_LOCK: 1})
    assert board(tmp_path).clocks_locked() is True


def test_used_swap_is_total_minus_free(tmp_path):
    boards.orin_nano(tmp_path)
    boards.meminfo(tmp_path, 800, swap_used_mib=120)
    assert board(tmp_path).swap_used_mib() == pytest.approx(120)
