"""The times and bounds by which a replica works, each with its default; an administrator may set some of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Seconds end in `_s`. The defaults are those of design 11, or of the section named."""

    classes: int = 61
    max_batch: int = 10_000
    max_bits: int = 256
    max_ttl_s: int = 100 * 365 * 24 * 3600
    query_timeout_s: float = 5.0
    append_timeout_s: float = 5.0
    factor_timeout_s: float = 10.0
    drain_delay_s: float = 5.0
    drain_deadline_s: float = 25.0

    status_interval_s: float = 1.0
    """Section 9: a status is sent at each change and this often."""
    tick_s: float = 1.0
    """How often a replica compares its view with the journal's ends, sweeps, and looks at classes that retire."""
    verify_interval_s: float = 60.0
    """Section 6, rule 2: how often the time of verification is stored when nothing is applied."""
    bury_after_s: float = 60.0
    """Section 6, rule 1: an expired value is hidden at once and buried this much later, because of clocks."""
    handover_grace_s: float = 1.0
    """Section 8: a class that another replica serves is answered for this much longer, for askers with an old map."""
    long_answer_idle_s: float = 10.0
    """A long answer whose asker did not come for its next page for so long does not keep a class from retiring."""
    retry_s: float = 0.1
    """The first pause after a server did not answer; doubled up to ten times as long."""
    transaction_values: int = 200
    """Section 7: one transaction holds Redis for 13-45 us a value."""
    take_records: int = 5_000
    take_timeout_s: float = 0.5
    cold_loads: int = 4
    """Classes loaded from the beginning at a time: each is folded in memory first."""
    questions: int = 1_000
    """Questions answered at a time; more are refused."""
    primes_per_question: int = 32
    frame_bytes: int = 256 * 1024
    """Section 9: what a frame holds at most; a single larger part makes a frame of its own."""
