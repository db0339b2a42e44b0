"""A checker of histories: clients record what they sent and what came back, and `check` judges it.

history = History()
post = history.post("c1", [120], at_s=0.0, ttl_s=300, deadline_s=15.0)
history.post_answered(post, Outcome.STORED, at_s=0.1)
get = history.get("c2", 5, at_s=0.2)
history.get_answered(get, [(120, (2, 2, 2, 3, 5))], at_s=0.3)
report = check(history)
assert report.verdict is Verdict.VALID, report
"""

from tests.checker.checker import Report, Verdict, check
from tests.checker.explanation import Finding
from tests.checker.history import History, Outcome

__all__ = ["Finding", "History", "Outcome", "Report", "Verdict", "check"]
