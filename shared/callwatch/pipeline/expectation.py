"""What the counts of earlier windows predict for the present one, and how much less is still normal. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# How many spreads below the median are still normal; with few earlier days, more are required. By chance, a window has too few
# items a few times in a year of hours; a window with no items of which a dozen are expected never occurs by chance.
SPREADS, SPREADS_OF_SILENCE = 4.5, 3.5
_FEW_DAYS = {1: 1.3, 2: 1.15}
_MEDIAN_ABSOLUTE_TO_DEVIATION = 1.4826
# A window with so small a part of the median is a stop of its own, unless more than a third of the windows are such.
_STOPPED_SHARE = 0.1
_MAX_STOPPED = 1 / 3
# So many days of one weekday show its own habit, such as an afternoon off.
_MIN_OF_WEEKDAY = 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What earlier days predict for a window, and how much less is still normal."""

    median: float
    lowest: float


def expect(counts: Sequence[int], spreads: float = SPREADS, is_same_weekday: Sequence[bool] = ()) -> Expected | None:
    """Median of earlier windows, and the lowest normal count; None without such windows.

    is_same_weekday: for each window, whether its day is the weekday of the present one.
    """
    counts = choose_telling(counts, is_same_weekday)
    if not counts:
        return None
    median = compute_median(counts)
    deviation = _MEDIAN_ABSOLUTE_TO_DEVIATION * compute_median([abs(count - median) for count in counts])
    spreads *= _FEW_DAYS.get(len(counts), 1.0)
    # If the days differ a lot, even zero would be normal; but none of them had less than the quietest one, and a random count
    # falls below that by a multiple of its square root.
    least = min(counts)
    return Expected(median, max(median - spreads * max(deviation, math.sqrt(median)), least - spreads * math.sqrt(least)))


def choose_telling(counts: Sequence[int], is_same_weekday: Sequence[bool] = ()) -> Sequence[int]:
    """Return the windows that tell what is normal: without earlier stops, which would make the next one look normal.

    If such windows are usual, or usual on this weekday, they are no stops.
    """
    if not counts:
        return counts
    median = compute_median(counts)
    most = min(_STOPPED_SHARE * median, median - SPREADS_OF_SILENCE * math.sqrt(median))
    is_stop = [count <= most and count < median for count in counts]
    of_weekday = [place for place, is_same in enumerate(is_same_weekday[: len(counts)]) if is_same]
    if len(of_weekday) >= _MIN_OF_WEEKDAY and sum(is_stop[place] for place in of_weekday) * 2 > len(of_weekday):
        return [counts[place] for place in of_weekday]
    if sum(is_stop) > len(counts) * _MAX_STOPPED:
        return counts
    return [count for count, is_left_out in zip(counts, is_stop, strict=True) if not is_left_out]


def compute_median(values: Sequence[float]) -> float:
    """The median of some values. They must not be empty."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
