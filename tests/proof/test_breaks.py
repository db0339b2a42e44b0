"""The list of breaks is current: what is to be taken out is there, once."""

import pytest

from tests.proof.__main__ import SOURCE
from tests.proof.break_ import Break
from tests.proof.breaks import BREAKS


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_what_is_taken_out_is_there_once(broken: Break) -> None:
    """A break that changes nothing would prove nothing."""
    text = (SOURCE / "factorsvc" / broken.file).read_text()
    assert text.count(broken.before) == 1
    assert broken.before != broken.after
