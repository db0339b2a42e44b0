"""Deterministic simulation: many processes in one thread, in virtual time, in an order that a seed decides.

async def main(loop: SimulationLoop) -> None:
    replica = loop.node("r1")
    replica.start(serve())
    replica.pause()
    await asyncio.sleep(3_600)
    replica.resume()
    assert await replica.call(get(5)) == [120]

run(main, seed=7)
"""

from tests.simulation.loop import DeadlockError, RunawayError, SimulationError, SimulationLoop
from tests.simulation.node import BrokenOffError, Node, current_node
from tests.simulation.run import run

__all__ = [
    "BrokenOffError",
    "DeadlockError",
    "Node",
    "RunawayError",
    "SimulationError",
    "SimulationLoop",
    "current_node",
    "run",
]
