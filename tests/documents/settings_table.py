"""The README's table of settings, from the settings themselves.

    python -m tests.documents.settings_table

writes it anew.
"""

from pathlib import Path

from factorsvc.settings import Settings, variable_of

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def table() -> str:
    """One row a variable, in the order of their definition."""
    rows = ["| variable | default | |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "cores" if field.is_required() or field.default_factory else f"`{field.default}`"
        rows.append(f"| `{variable_of(name)}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def rewritten(readme: str) -> str:
    """`readme` with the present table between its marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text()))
