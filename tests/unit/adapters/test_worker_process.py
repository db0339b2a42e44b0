"""Worker processes as the kernel sees them: what ends one, what does not, and that nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
from ast import literal_eval
from collections.abc import AsyncIterator
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import pytest

from factorsvc.adapters.factorizers import flint, worker_process
from factorsvc.adapters.factorizers.worker_pool import WorkerPool
from factorsvc.adapters.factorizers.worker_process import WorkerProcess
from factorsvc.adapters.factorizers.worker_task import NICENESS
from factorsvc.domain.errors import FactoringTimeoutError
from tests.contracts.factorizer_contract import ENDLESS, HARD, PAIRS, at
from tests.unit.adapters import marking_engine
from tests.unit.adapters.marking_engine import beginners, begun, until

ROOT: Final = Path(__file__).parents[3]
SLOW_FACTORS: Final = (991648466585815486446704423, 1014931860762486303281604473)
SLOW: Final = SLOW_FACTORS[0] * SLOW_FACTORS[1]  # 0.7 s: long enough to be struck in the middle

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc, or needs SIGIO to end a process")


@pytest.fixture(autouse=True)
def _marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(marking_engine.FOLDER, str(tmp_path))


@pytest.fixture
async def worker() -> AsyncIterator[WorkerProcess]:
    worker = WorkerProcess(marking_engine.ENGINE)
    yield worker
    await worker.close()


@pytest.fixture
async def pool(worker: WorkerProcess) -> AsyncIterator[WorkerPool]:
    """A pool of this one worker."""
    pool = WorkerPool(marking_engine.ENGINE, workers=1, queue=8, hire=lambda _: worker)
    yield pool
    await pool.aclose()


def the_process() -> BaseProcess:
    (process,) = active_children()
    return process


async def ended(process: BaseProcess) -> int | None:
    """Wait for the end of `process`; return its exit code, the negative of a signal.

    Of two threads that wait for one process the kernel tells only one, and until that has noted the code the other
    finds no process and no code. So who was told nothing looks again.
    """
    await asyncio.to_thread(process.join, 30)
    await until(lambda: process.exitcode is not None)
    return process.exitcode


async def test_at_the_deadline_the_process_is_gone(pool: WorkerPool) -> None:
    await pool.factor([HARD[0]], at(60))
    process = the_process()
    with pytest.raises(FactoringTimeoutError):
        await pool.factor([ENDLESS], at(0.3))
    assert await ended(process) == -signal.SIGKILL


async def test_a_cancelled_callers_process_is_gone_and_another_takes_its_place(pool: WorkerPool) -> None:
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(pool.factor([ENDLESS], at(60)))
        await begun(ENDLESS)
        process = the_process()
        call.cancel()
    assert await ended(process) == -signal.SIGKILL
    assert await pool.factor([HARD[0]], at(60)) == [PAIRS[0]]
    assert beginners(HARD[0]) != [process.pid]


async def test_a_start_that_is_cancelled_leaves_no_process(worker: WorkerProcess) -> None:
    async with asyncio.TaskGroup() as calls:
        opening = calls.create_task(worker.open())
        await until(active_children)
        opening.cancel()
    await worker.close()
    assert active_children() == []


async def test_a_request_outlives_the_kill_of_its_process(pool: WorkerPool) -> None:
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(pool.factor([SLOW], at(60)))
        os.kill(await begun(SLOW), signal.SIGKILL)
    assert call.result() == [SLOW_FACTORS]
    assert len(beginners(SLOW)) == 2
    assert await pool.factor([HARD[0]], at(60)) == [PAIRS[0]]


@pytest.mark.parametrize("found_out_by_pebble", [False, True])
async def test_the_kill_of_an_idle_process_does_no_harm(
    pool: WorkerPool, worker: WorkerProcess, found_out_by_pebble: bool
) -> None:
    await pool.factor([HARD[0]], at(60))
    process = the_process()
    process.kill()
    await ended(process)
    if found_out_by_pebble:
        await until(lambda: worker._pool and not worker._pool.active)
    assert await pool.factor([HARD[0], HARD[1]], at(60)) == PAIRS[:2]


async def test_ctrl_c_in_the_terminal_is_not_for_workers(worker: WorkerProcess) -> None:
    await worker.open()
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(worker.factor(SLOW, 60))
        pid = await begun(SLOW)
        os.kill(pid, signal.SIGINT)
    assert call.result() == SLOW_FACTORS
    assert the_process().pid == pid


async def test_sigterm_ends_a_process_in_the_middle_of_c_code(worker: WorkerProcess) -> None:
    await worker.open()
    process = the_process()
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(worker.factor(ENDLESS, 60))
        await begun(ENDLESS)
        process.terminate()
        assert await ended(process) == -signal.SIGTERM
        call.cancel()


async def test_a_process_that_is_idle_for_long_ends(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "IDLE_S", 0.0)
    await worker.open()
    process = the_process()
    assert await worker.factor(HARD[0], 60) == PAIRS[0]
    await ended(process)
    await worker.open()
    assert the_process().pid != process.pid


async def test_a_process_that_is_needed_again_stays(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "IDLE_S", 0.05)
    await worker.open()
    process = the_process()
    assert await worker.factor(HARD[0], 60) == PAIRS[0]
    await worker.open()
    assert await worker.factor(SLOW, 60) == SLOW_FACTORS
    assert beginners(SLOW) == [process.pid]


async def test_workers_give_way_to_the_event_loop(worker: WorkerProcess) -> None:
    await worker.open()
    mine, its = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, the_process().pid or 0))
    assert its == min(mine + NICENESS, 19)


@only_linux
async def test_what_a_killed_process_wrote_is_removed(worker: WorkerProcess) -> None:
    await worker.open()
    pid = the_process().pid or 0
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(worker.factor(SLOW, 60))
        files = await until(lambda: worker_process._open_files(pid, flint.ENGINE.litter or ""))
        worker.kill()
        call.cancel()
    await worker.close()
    assert [file for file in files if file.exists()] == []


def run_script(script: str, *, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Run `script` with this Python and this checkout."""
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


SERVICE: Final = f"""
import asyncio
from factorsvc.adapters.factorizers.worker_process import WorkerProcess
from tests.unit.adapters.marking_engine import ENGINE, begun

async def serve():
    worker = WorkerProcess(ENGINE)
    await worker.open()
    async with asyncio.TaskGroup() as calls:
        if BUSY:
            calls.create_task(worker.factor({ENDLESS}, 3600))
            await begun({ENDLESS})
        print("up", flush=True)
        await asyncio.sleep(3600)

asyncio.run(serve())
"""


@only_linux
@pytest.mark.parametrize("busy", [False, True])
def test_a_worker_does_not_outlive_the_kill_of_the_service(busy: bool) -> None:
    with run_script(SERVICE.replace("BUSY", str(busy))) as service:
        assert service.stdout
        assert service.stdout.readline() == "up\n"
        service.kill()
        rest, _ = service.communicate(timeout=30)  # the pipe ends with the last process that has it
        assert rest == ""


def test_a_worker_outlives_its_deadline_not_even_below_a_frozen_service() -> None:
    script = f"""
import signal
from factorsvc.adapters.factorizers import flint, worker_task
worker_task.GRACE_S = 0.1
worker_task.factor_within(flint.factor_one, {HARD[0]}, 60)
print(signal.getitimer(signal.ITIMER_REAL), flush=True)
worker_task.factor_within(flint.factor_one, {ENDLESS}, -1)
"""
    with run_script(script) as late:
        assert late.communicate(timeout=30)[0] == "(0.0, 0.0)\n"
        assert late.returncode == -signal.SIGALRM


def test_a_worker_imports_its_engine_and_no_more_of_the_service() -> None:
    script = """
import asyncio, sys
from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.worker_process import WorkerProcess, _outcome, _schedule

async def ask():
    worker = WorkerProcess(engine_named("flint"))
    await worker.open()
    print(await _outcome(_schedule(worker._pool, eval, "sorted(__import__('sys').modules)")))
    await worker.close()

asyncio.run(ask())
"""
    with run_script(script) as service:
        modules = literal_eval(service.communicate(timeout=30)[0])
    package = "factorsvc.adapters.factorizers"
    assert [name for name in modules if name.startswith("factorsvc.")] == [
        "factorsvc.adapters",
        package,
        f"{package}.engine",
        f"{package}.flint",
        f"{package}.worker_task",
    ]
    assert "sympy" not in modules
