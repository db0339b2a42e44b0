"""The journal against an adversary: the project's own parts in a world where nothing happens unless a walk wants it.

- `loop`, `wire`: a process that runs until it waits, and calls of which each waits for its fate;
- `process`, `servers`: the project's own tenure, materializer and storage, on one Redis and one broker in memory;
- `world`: all of these, and what it means that something happens; `calls`, `lives`, `weather`, `moves`: what may;
- `truth`, `invariants`: what was posted, said without a fold, and what must be so after each step;
- `shape`, `walk`: how large the world is, and how one goes through it;
- `switches`, `rules`: the rules of design 6, each taken out of the code that runs.

A walk that finds something tells it step by step, and finds it again by the same seed.
"""
