import pytest

from dnnbench.headroom import Prediction, predict, refusal
from dnnbench.records import MemoryCell


def cell(batch_size, net=None, runtime=400.0, weights=100.0, activations=None, status="ok"):
    """Activations are 50 MiB an image unless given."""
    if status != "ok":
        return MemoryCell(batch_size=batch_size, status=status, message="out of memory")
    return MemoryCell(
        batch_size=batch_size,
        status="ok",
        memory_mib=runtime + net,
        memory_basis="net",
        memory_net_mib=net,
        memory_runtime_mib=runtime,
        weights_mib=weights,
        activations_mib=50.0 * batch_size if activations is None else activations,
    )


def never():
    raise AssertionError("the network was counted although it was seen")


def test_the_factor_of_the_nearest_smaller_batch_scales_what_must_be_there():
    # 100 + 50 x 4 = 300 analytical, 450 measured: 1.5; at 16, 400 + 1.5 x (100 + 800).
    found = predict(16, [cell(1, net=600), cell(4, net=450)], never)
    assert found.mib == pytest.approx(400 + 1.5 * 900)
    assert "batch size 4" in found.basis and "1.50" in found.basis


def test_the_order_of_what_was_seen_does_not_matter_nor_do_larger_batches():
    cells = [cell(4, net=450), cell(1, net=600), cell(32, net=9000)]
    assert predict(16, cells, never).mib == predict(16, cells[::-1], never).mib == 1750


def test_a_batch_that_was_measured_takes_what_it_took():
    assert predict(4, [cell(1, net=150), cell(4, net=450)], never).mib == 850


def test_less_than_the_floor_is_noise():
    assert predict(8, [cell(4, net=150)], never).mib == 400 + (100 + 400)


def test_where_nothing_was_seen_the_floor_is_all_that_is_known():
    seen = [cell(1, status="oom"), cell(16, net=1500)]
    assert predict(8, seen, lambda: (100.0, 400.0)).mib == 500


def test_what_does_not_fit_beside_the_reserve_is_refused_with_numbers():
    # The reserve is 5 % of 8000, 400.
    assert refusal(Prediction(1600, "why"), 2000, 8000) is None
    said = refusal(Prediction(1601, "why"), 2000, 8000)
    assert said is not None
    for part in ("predicted", "1601 MiB", "why", "2000 MiB", "400"):
        assert part in said


def test_a_small_board_keeps_a_reserve_all_the_same():
    # 5 % of 2000 is 100, and 256 are kept.
    assert refusal(Prediction(744, "why"), 1000, 2000) is None
    assert refusal(Prediction(745, "why"), 1000, 2000) is not None
