"""Fewer reads that say as much: what makes histories of many thousand operations cheap to check.

Cut time where a put starts, ends, fades or is gone, and wherever else you like. Between two cuts nothing becomes
possible and nothing impossible. So if all reads that touch such a segment agree, one of those that lie within it speaks
for all. For let the state fit it at its point: whatever was done before, in this segment, can be done at the segment's
beginning just as well, and whatever after at its end. Then the state fits all of them, all the time.
"""

from collections.abc import Sequence
from itertools import islice

from tests.checker.history import Ranks
from tests.checker.timeline import Read, Timeline


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
            for (track, _, kept), span in zip(self._tracks, spans, strict=True):
                kept.update(track.across(high))
                kept.update(islice((index for index in range(*span) if track.ends[index] < high), 1))
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
