"""The rules of the journal, each with the piece of the project that keeps it and a world that cannot do without it."""

from tests.journal.rules import loads, puts, sweeper, views, writer

SWITCHES = (*puts.SWITCHES, *views.SWITCHES, *writer.SWITCHES, *sweeper.SWITCHES, *loads.SWITCHES)
