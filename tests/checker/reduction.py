"""Fewer reads that say as much: what makes histories of many thousand operations cheap to check.

Cut time where a put starts, ends, fades or is gone, and wherever else you like. Between two cuts nothing can happen
to a value but what was possible all along. If all reads that touch such a segment agree, then of those that lie
within it two say everything: the one that ends first and the one that starts last. For let the state fit them at x and
at y. Whatever was done between x and y can be done after the later of the two just as well, so the state fits all the
time from x to y; and every other read of the segment ends after x at the earliest and starts before y at the latest.
"""

from collections.abc import Iterator, Sequence

from tests.checker.history import Ranks
from tests.checker.timeline import Read, Timeline, Track


def reduced_reads(timeline: Timeline, *, few: int = 16) -> list[Read]:
    """Reads of the timeline that can be explained exactly if all of them can.

    Where reads disagree, time is cut further until not more than `few` of one prime are left.
    """
    cuts = {rank for put in timeline.puts for rank in (put.start, put.end, put.fades, put.gone)}
    reduction = _Reduction(timeline, few)
    low = -1
    for high in sorted(cuts | {Ranks.NEVER}):
        reduction.segment(low, high)
        low = high
    return reduction.reads()


class _Reduction:
    def __init__(self, timeline: Timeline, few: int) -> None:
        self._few = few
        self._tracks = [(track, track.sees(timeline.value), set[int]()) for track in timeline.tracks]

    def reads(self) -> list[Read]:
        """All reads that were kept."""
        return [
            Read(track.starts[index], track.ends[index], bool(sees[index]), track.gets[index])
            for track, sees, kept in self._tracks
            for index in kept
        ]

    def segment(self, low: int, high: int) -> None:
        """Keep what is needed of the reads that started between two cuts."""
        spans = [track.between(low, high) for track, _, _ in self._tracks]
        sizes = [stop - start for start, stop in spans]
        if not any(sizes):
            return
        largest = sizes.index(max(sizes))
        if self._agree(low, spans):
            for (track, _, kept), (start, stop) in zip(self._tracks, spans, strict=True):
                kept.update(_first_and_last_within(track, start, stop, high))
                kept.update(track.across(high))
        elif sizes[largest] <= self._few:
            for (_, _, kept), span in zip(self._tracks, spans, strict=True):
                kept.update(range(*span))
        else:
            starts = self._tracks[largest][0].starts
            middle = starts[sum(spans[largest]) // 2] - 1
            self.segment(low, middle)
            self.segment(middle, high)

    def _agree(self, low: int, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether the value is in all answers, or in none, that were under way anywhere in the segment."""
        total = present = 0
        for (track, sees, _), (start, stop) in zip(self._tracks, spans, strict=True):
            across = track.across(low)
            total += stop - start + len(across)
            present += sees.count(1, start, stop) + sum(sees[index] for index in across)
        return present in {0, total}


def _first_and_last_within(track: Track, start: int, stop: int, high: int) -> Iterator[int]:
    """Of the GETs in a range that end before `high`: the one that ends first and the one that starts last."""
    first: int | None = None
    for index in range(start, stop):
        if first is not None and track.starts[index] > track.ends[first]:
            break
        if track.ends[index] < (high if first is None else track.ends[first]):
            first = index
    if first is not None:
        yield first
        yield next(index for index in range(stop - 1, start - 1, -1) if track.ends[index] < high)
