"""One simulation from its seed to its end."""

import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.simulation.loop import MAX_STEPS, MAX_TIME_S, SimulationLoop

T = TypeVar("T")


def run(
    main: Callable[[SimulationLoop], Coroutine[Any, Any, T]],
    *,
    seed: int | str,
    max_steps: int = MAX_STEPS,
    max_time_s: float = MAX_TIME_S,
) -> T:
    """Run `main` outside of all nodes on a new loop, to its end, and return its result.

    With it the world ends: what is still running, inside and outside of nodes, is not cancelled but gone.

    Raises:
        DeadlockError, RunawayError: `main` cannot end, or does not.
        ExceptionGroup: `main` returned, and a task was found that had failed, or still waited, with nobody to care.
        BaseException: whatever `main`, a callback or a task of `Node.start` raises. A note on each names the seed.
    """
    loop = SimulationLoop(seed, max_steps=max_steps, max_time_s=max_time_s)
    try:
        with _garbage_collected_on_schedule():
            result = loop.run_until_complete(main(loop))
            gc.collect()  # the garbage may hold a task whose failure nobody has seen
        loop.complain_of_unseen()
    except BaseException as error:
        error.add_note(f"simulation: seed={seed!r}, step {loop.steps}, t={loop.time():g} s")
        raise
    else:
        return result
    finally:
        loop.close()


@contextmanager
def _garbage_collected_on_schedule() -> Iterator[None]:
    """Let only the loop collect garbage, every so many steps, and only what was made meanwhile.

    A collection can run code (finalizers of generators, complaints about lost tasks), and when Python would start one
    depends on all that the process has allocated before.
    """
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
