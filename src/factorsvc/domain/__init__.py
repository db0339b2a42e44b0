"""The model: what a value, the journal, a class and an answer are, and the rules that decide. No I/O, no asyncio."""
