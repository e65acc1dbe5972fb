#!/usr/bin/env python3
"""Writes docs/llm-translation.md from the rows of tests/sidecar/translate/golden/fields, each of which a
unit test proves.

Usage: tools/gen_llm_translation.py [--check]     --check writes nothing and exits 1 if the page differs.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIELDS = ROOT / "tests/sidecar/translate/golden/fields"
PAGE = ROOT / "docs/llm-translation.md"
ORDER = ["chat_request", "responses_request", "messages_request", "chat_answer", "messages_answer"]
NAMES = {"chat": "chat completions", "responses": "Responses", "messages": "messages"}
HEAD = """# Translation between LLM APIs

How `sidecar/translate` writes each field of a call in another API. The sidecar uses it for a chain's fixed text and for
streams that another tier goes on with; tiers of another format than the caller's are still skipped. Made from
`tests/sidecar/translate/golden/fields` by `make docs`; do not edit. `translate_test` proves every row, and an interop
test compares the rows with the types of the official SDKs.

- **mapped**: says the same in the other API, as far as it can.
- **replaced**: by the tier's own value.
- **dropped**: left out; the answer is still one to the question that was asked. So are fields that stand nowhere here.
- **untranslatable**: the tier is skipped with class `untranslatable`, naming the field. Content of unknown types and
  roles is untranslatable too: leaving it out would change the question.

`x[y].z` is field `z` of the members of `x` that have the type or role `y`. Streams carry the same fields: one text block
at a time, tool calls in order of their start, their arguments checked to be one JSON object before the block ends; usage
stands in the last events. A tier speaks chat completions or messages; a Responses caller's own upstream gets its request
as it is.
"""


def cell(text):
    return text.replace("|", "\\|")


def table(name):
    page = json.loads((FIELDS / f"{name}.json").read_text(encoding="utf-8"))
    targets = page["targets"]
    notes = any(row.get("note") for row in page["rows"])
    lines = [f"\n## {page['about']}\n"]
    lines.append("| field | " + " | ".join(f"to {NAMES[t]}" for t in targets) + (" | how |" if notes else " |"))
    lines.append("|---" * (len(targets) + 1 + notes) + "|")
    for row in page["rows"]:
        cells = [f"`{row['field']}`", *(row[t] for t in targets), *([cell(row.get("note", ""))] if notes else [])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    text = HEAD + "".join(table(name) for name in ORDER)
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE.relative_to(ROOT)} differs from the golden rows. Next: make docs")
            return 1
        print("translation: the page says what the tests prove")
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
