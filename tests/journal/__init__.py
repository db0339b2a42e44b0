"""The project's own fold, writer, loader and sweeper, against an adversary that decides what becomes of every call."""
