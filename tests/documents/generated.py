"""The parts of the documents that are made from the code.

    python -m tests.documents.generated

writes them anew.
"""

from pathlib import Path

from factorsvc.settings import Settings, variable_of
from tests.proof.breaks import BREAKS

ROOT = Path(__file__).parents[2]


def settings_table() -> str:
    """The README's table of settings, one row a variable, in the order of their definition."""
    rows = ["| variable | default | |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "cores" if field.is_required() or field.default_factory else f"`{field.default}`"
        rows.append(f"| `{variable_of(name)}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def breaks_table() -> str:
    """What is taken out of the service, one row a break."""
    rows = ["| name | of | in | goes red |", "| --- | --- | --- | --- |"]
    rows += [f"| `{b.name}` | {b.promise} | `{b.file}` | `{b.test.removeprefix('tests/')}` |" for b in BREAKS]
    return "\n".join(rows) + "\n"


GENERATED = {"README.md": ("settings", settings_table), "docs/promises.md": ("breaks", breaks_table)}


def rewritten(document: str) -> str:
    """The text of `document`, with its generated part as it should be."""
    mark, table = GENERATED[document]
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
    before, _, rest = (ROOT / document).read_text().partition(begin)
    return before + begin + table() + end + rest.partition(end)[2]


if __name__ == "__main__":
    for name in GENERATED:
        (ROOT / name).write_text(rewritten(name))
