"""Placement of the labels of a scatter chart so that no label covers another.

Geometry in pixels (origin at the top left): points are discs, labels are boxes, and a label that
does not fit next to its disc is connected to it by a leader line. Labels take turns choosing the
cheapest of a fixed set of candidate positions until none changes. The result is deterministic.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CLEARANCE = 2.0
_LEADER_FROM = 7.0
_SWEEPS = 30
# Number of turn orders to try; the cheapest layout is kept.
_STARTS = 8
# Candidate positions kept per label; more expensive ones are too far away to be chosen.
_PLACES = 150
# With more points than this, distant positions are slow to try and rarely help.
_CROWD = 150
_CROWDED_PLACES = 12
_CROWDED_GAPS = 2
_GAPS = (2.5, 6, 11, 17, 24, 32, 42, 54, 68, 84, 102, 124)
_DIRECTIONS = 24

# Costs of each fault, in pixels of distance that would be equally bad for the reader.
_ON_LABEL = 1000.0
_ON_POINT = 45.0
_ON_BUBBLE = 22.0
_ON_LINE = 24.0
_LEADER_ON_LABEL = 120.0
_LEADER_ON_LEADER = 90.0
_LEADER_ON_POINT = 60.0
_LEADER = 10.0


@dataclass(frozen=True)
class Point:
    """A disc and the size of its label: center, radius, label width and height."""

    x: float
    y: float
    radius: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """A placed label: its center, its box, and its leader line if it needs one.

    A leader runs from the center of the disc to the box: x1, y1, x2, y2.
    """

    x: float
    y: float
    left: float
    top: float
    right: float
    bottom: float
    leader: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class _Places:
    """Candidate positions: boxes and leaders [k, 4], owners and costs [k].

    ``reach`` [k, 4] is the bounding box of box and leader; candidates whose reaches are disjoint
    cannot conflict.
    """

    boxes: Array
    leaders: Array
    reach: Array
    tied: NDArray[np.bool_]
    owner: NDArray[np.int_]
    cost: Array


def place(
    points: Sequence[Point],
    width: float,
    height: float,
    lines: Sequence[tuple[float, float, float, float]] = (),
    nameless: Sequence[tuple[float, float, float]] = (),
) -> list[Label | None]:
    """Return a label for each point, or ``None`` if it would cover another label.

    If there are many points, a label is also dropped when it would cover other points, because the
    points are more informative.

    Labels stay within ``width`` x ``height``. If possible, they avoid ``lines``, other strokes (x1,
    y1, x2, y2), and ``nameless`` discs (x, y, radius).
    """
    if not points:
        return []
    named = np.array([(p.x, p.y, p.radius) for p in points])
    discs = np.vstack([named, np.array(nameless, dtype=float).reshape(-1, 3)])
    strokes = np.array(lines, dtype=float).reshape(-1, 4)
    crowded = len(points) > _CROWD
    each = [_places(points, discs, strokes, i, width, height) for i in range(len(points))]
    places = _Places(
        *(
            np.concatenate([getattr(own, field.name) for own in each])
            for field in dataclasses.fields(_Places)
        )
    )
    order = _crowded_first(named)
    best, lowest = _settle(places, order, 1 if crowded else _SWEEPS)
    for seed in range(0 if crowded else _STARTS - 1):
        shuffled = [int(i) for i in np.random.default_rng(seed).permutation(order)]
        chosen, cost = _settle(places, shuffled, _SWEEPS)
        if cost < lowest:
            best, lowest = chosen, cost
    return _keep_apart(places, best, crowded)


def _settle(places: _Places, order: Sequence[int], sweeps: int) -> tuple[NDArray[np.int_], float]:
    """Let labels choose in this order until none moves; return choice and cost."""
    bounds = np.searchsorted(places.owner, np.arange(len(order) + 1))
    chosen = np.full(len(order), -1)
    load = np.zeros(len(places.cost))
    total = 0.0
    for _ in range(sweeps):
        changed, total = False, 0.0
        for i in order:
            own = slice(bounds[i], bounds[i + 1])
            cost = places.cost[own] + load[own]
            best = int(bounds[i] + np.argmin(cost))
            total += float(cost.min())
            if best == chosen[i]:
                continue
            if chosen[i] >= 0:
                met, burden = _burden(places, chosen[i])
                load[met] -= burden
            met, burden = _burden(places, best)
            load[met] += burden
            chosen[i] = best
            changed = True
        if not changed:
            break
    return chosen, total


def _burden(places: _Places, choice: int) -> tuple[NDArray[np.int_], Array]:
    """Return candidates [m] of other labels in conflict with ``choice``, and costs."""
    left, top, right, bottom = places.reach[choice]
    near = (places.reach[:, 0] <= right) & (places.reach[:, 2] >= left)
    near &= (places.reach[:, 1] <= bottom) & (places.reach[:, 3] >= top)
    met = np.flatnonzero(near & (places.owner != places.owner[choice]))
    boxes, leaders, tied = places.boxes[met], places.leaders[met], places.tied[met]
    box, leader = places.boxes[choice][None], places.leaders[choice][None]
    load: Array = _ON_LABEL * _overlap(boxes, box)[:, 0].astype(np.float64)
    load += _LEADER_ON_LABEL * (tied & _segments_meet_boxes(leaders, box)[:, 0])
    if places.tied[choice]:
        load += _LEADER_ON_LABEL * _segments_meet_boxes(leader, boxes)[0]
        load += _LEADER_ON_LEADER * (tied & _segments_meet(leaders, leader)[:, 0])
    return met, load


def _places(
    points: Sequence[Point], discs: Array, strokes: Array, i: int, width: float, height: float
) -> _Places:
    """Return candidates for label ``i``, with costs independent of other labels."""
    point = points[i]
    crowded = len(points) > _CROWD
    half = np.array([point.width / 2, point.height / 2])
    centers = []
    for spare in _GAPS[:_CROWDED_GAPS] if crowded else _GAPS:
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            reach = point.radius + spare
            dx, dy = math.cos(angle), math.sin(angle)
            # To the sides the box clears the disc; above and below it may slide along it.
            centers.append((dx * (reach + half[0]), dy * (reach + half[1])))
            centers.append((dx * reach + math.copysign(half[0], dx), dy * (reach + half[1])))
    if point.width < 1.8 * point.radius:
        centers.append((0.0, 0.0))
    center = np.array([point.x, point.y])
    middle = np.array(centers) + center
    boxes = np.hstack([middle - half, middle + half])
    margin = 1.0
    inside = (
        (boxes[:, 0] >= margin)
        & (boxes[:, 1] >= margin)
        & (boxes[:, 2] <= width - margin)
        & (boxes[:, 3] <= height - margin)
    )
    if not inside.any():  # Wider than the plot: keep it; it is dropped later if it overlaps.
        inside[:] = True
    boxes, middle = boxes[inside], middle[inside]

    nearest = np.clip(center, boxes[:, :2], boxes[:, 2:])
    own = np.hypot(nearest[:, 0] - point.x, nearest[:, 1] - point.y)
    within = (middle == center).all(axis=1)
    gap: Array = np.where(within, 0.0, own - point.radius)
    others = np.delete(discs, i, axis=0)
    # Skip discs that no candidate of this label can reach; they only cost time.
    reach = np.abs(boxes - np.hstack([center, center])).max() + others[:, 2] + _ON_POINT
    others = others[(np.abs(others[:, :2] - center) <= reach[:, None]).all(axis=1)]
    distances = _distances(boxes, others)
    foreign = (distances - others[:, 2]).min(axis=1, initial=np.inf)
    # A label far from its point, or as close to another point, is ambiguous without a leader.
    tied = ~within & ((gap > _LEADER_FROM) | (foreign < gap))
    leaders = np.hstack([np.broadcast_to(center, nearest.shape), nearest])

    cost = np.maximum(gap, 0.0) * 0.8 + tied * _LEADER
    cost += np.where(~within & (gap < 1.0), _ON_POINT, 0.0)
    # Among equal positions, prefer the right side, which reads best.
    away = middle - center
    cost += 1.5 * (1 - away[:, 0] / np.maximum(np.abs(away).sum(axis=1), 1e-9))
    cost += _disc_cost(distances, others)
    cost[tied] += _LEADER_ON_POINT * _segments_meet_discs(leaders[tied], others).sum(axis=1)
    cost += _ON_LINE * _segments_meet_boxes(_within(strokes, boxes), boxes).sum(axis=0)
    kept = np.argsort(cost, kind="stable")[: _CROWDED_PLACES if crowded else _PLACES]
    owner = np.full(len(kept), i)
    boxes, leaders = boxes[kept], leaders[kept]
    low = np.minimum(boxes[:, :2], center) - _CLEARANCE
    high = np.maximum(boxes[:, 2:], center) + _CLEARANCE
    return _Places(boxes, leaders, np.hstack([low, high]), tied[kept], owner, cost[kept])


def _within(strokes: Array, boxes: Array) -> Array:
    """Return the strokes [k, 4] that may touch any of the boxes [m, 4]; others only cost time."""
    low = np.minimum(strokes[:, :2], strokes[:, 2:]) <= boxes[:, 2:].max(axis=0)
    high = np.maximum(strokes[:, :2], strokes[:, 2:]) >= boxes[:, :2].min(axis=0)
    near: Array = strokes[(low & high).all(axis=1)]
    return near


def _distances(boxes: Array, discs: Array) -> Array:
    """Return distances [k, m] from boxes [k, 4] to centers of discs [m, 3]; 0 inside."""
    x = np.clip(discs[None, :, 0], boxes[:, None, 0], boxes[:, None, 2]) - discs[None, :, 0]
    y = np.clip(discs[None, :, 1], boxes[:, None, 1], boxes[:, None, 3]) - discs[None, :, 1]
    distance: Array = np.hypot(x, y)
    return distance


def _disc_cost(distance: Array, discs: Array) -> Array:
    """Return the cost [k] of covering discs [m, 3], given distances [k, m] to them.

    Small points must stay visible; large circles may be partly covered.
    """
    depth = np.clip((discs[None, :, 2] + 1.5 - distance) / 4, 0, 1)
    price = np.where(discs[:, 2] < 9, _ON_POINT, _ON_BUBBLE)
    price = np.where(distance == 0, _ON_POINT, price)
    cost: Array = (depth * price).sum(axis=1)
    return cost


def _overlap(first: Array, second: Array) -> NDArray[np.bool_]:
    """Return whether boxes [k, 4] come within the clearance of boxes [m, 4]: [k, m]."""
    a, b, gap = first[:, None, :], second[None, :, :], _CLEARANCE
    result: NDArray[np.bool_] = (
        (a[..., 0] < b[..., 2] + gap)
        & (b[..., 0] < a[..., 2] + gap)
        & (a[..., 1] < b[..., 3] + gap / 2)
        & (b[..., 1] < a[..., 3] + gap / 2)
    )
    return result


def _segments_meet(first: Array, second: Array) -> NDArray[np.bool_]:
    """Return whether segments [k, 4] cross segments [m, 4]: [k, m]."""
    a, b = first[:, None, :], second[None, :, :]

    def side(p: Array, x: Array, y: Array) -> Array:
        value: Array = (p[..., 2] - p[..., 0]) * (y - p[..., 1]) - (p[..., 3] - p[..., 1]) * (
            x - p[..., 0]
        )
        return value

    split_b = side(a, b[..., 0], b[..., 1]) * side(a, b[..., 2], b[..., 3]) < 0
    split_a = side(b, a[..., 0], a[..., 1]) * side(b, a[..., 2], a[..., 3]) < 0
    result: NDArray[np.bool_] = split_a & split_b
    return result


def _segments_meet_boxes(segments: Array, boxes: Array) -> NDArray[np.bool_]:
    """Return whether segments [k, 4] touch boxes [m, 4]: [k, m], by clipping."""
    start = segments[:, None, :2]
    step = segments[:, None, 2:] - start
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (boxes[None, :, :2] - start) / step
        high = (boxes[None, :, 2:] - start) / step
    # A zero step gives infinities of the right sign, and NaN on an edge, which counts as inside.
    near = np.nan_to_num(np.minimum(low, high), nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    far = np.nan_to_num(np.maximum(low, high), nan=np.inf, posinf=np.inf, neginf=-np.inf)
    enter = np.maximum(near.max(axis=-1), 0.0)
    leave = np.minimum(far.min(axis=-1), 1.0)
    result: NDArray[np.bool_] = enter < leave
    return result


def _segments_meet_discs(segments: Array, discs: Array) -> NDArray[np.bool_]:
    """Return whether segments [k, 4] pass over discs [m, 3]: [k, m]."""
    start = segments[:, None, :2]
    step = segments[:, None, 2:] - start
    length = np.maximum((step**2).sum(axis=-1), 1e-9)
    along = np.clip((((discs[None, :, :2] - start) * step).sum(axis=-1)) / length, 0, 1)
    nearest = start + along[..., None] * step
    distance = np.hypot(nearest[..., 0] - discs[None, :, 0], nearest[..., 1] - discs[None, :, 1])
    result: NDArray[np.bool_] = distance < np.minimum(discs[None, :, 2], 8.0) + 1.0
    return result


def _crowded_first(discs: Array) -> list[int]:
    """Return the turn order: points with many neighbors first, ties in input order."""
    distance = np.hypot(
        discs[:, None, 0] - discs[None, :, 0], (discs[:, None, 1] - discs[None, :, 1]) * 2
    )
    near = (distance < 90).sum(axis=1)
    return [int(i) for i in np.argsort(-near, kind="stable")]


def _keep_apart(places: _Places, chosen: NDArray[np.int_], crowded: bool) -> list[Label | None]:
    """Return labels in input order, dropping those that still cover an earlier one.

    If the plot is ``crowded``, drop those that cover a point too.
    """
    labels: list[Label | None] = []
    kept = np.empty((0, 4))
    for choice in chosen:
        box = places.boxes[choice]
        covers = crowded and places.cost[choice] >= _ON_BUBBLE
        if covers or _overlap(box[None], kept).any():
            labels.append(None)
            continue
        kept = np.vstack([kept, box])
        left, top, right, bottom = (float(edge) for edge in box)
        x1, y1, x2, y2 = (float(end) for end in places.leaders[choice])
        labels.append(
            Label(
                x=(left + right) / 2,
                y=(top + bottom) / 2,
                left=left,
                top=top,
                right=right,
                bottom=bottom,
                leader=(x1, y1, x2, y2) if places.tied[choice] else None,
            )
        )
    return labels
