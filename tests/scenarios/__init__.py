"""Cluster stories: short scripts with their expected output beside them, told by `factorsvc` itself.

A story is a text file. It opens with the promises that it tells, then come commands, one a line, each followed by what
it is to print, indented:

    # P5: a GET sees what any replica took.

    replicas 3
        1..3 serve 4 classes each

    post 120 ttl=5 via=1
        200 120 [2,2,2,3,5]

    get 5 via=2
        200 120

`pytest tests/scenarios` compares; `pytest tests/scenarios --rewrite` writes what was printed into the stories, to be
reviewed as a diff. All commands are in `tests.scenarios.vocabulary`, the format is in `tests.scenarios.script`.

What a story prints is what the service promises: sets of values, statuses and kinds of problems, who serves how many
classes. It depends neither on chance (which slot, which epoch, who is asked first) nor on the speed of a world, so the
same stories are told in any `tests.scenarios.world.World`: in a simulation, in virtual time and with every chance, and
in real time on a real Redis.
"""
