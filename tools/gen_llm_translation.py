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

What becomes of each field when a call of a fallback chain goes to a tier that speaks another API than its caller. Made from
`tests/sidecar/translate/golden/fields` by `make docs`; do not edit. `translate_test` proves every row, and an interop
test compares the rows with the types of the official SDKs.

- **mapped**: says the same in the other API, as far as it can.
- **replaced**: by the tier's own value.
- **dropped**: left out; the answer is still one to the question that was asked. So are fields that stand nowhere here.
- **untranslatable**: the tier is skipped with class `untranslatable`; the log names the field (event `tier_skipped`), and
  `agent_reliability_untranslatable_total` counts it. Content of unknown types and
  roles is untranslatable too: leaving it out would change the question.

`x[y].z` is field `z` of the members of `x` that have the type or role `y`. Streams carry the same fields: one text block
at a time, tool calls in order of their start, their arguments checked to be one JSON object before the block ends; usage
stands in the last events. A tier of format OpenAI gets chat completions from callers of messages, and a Responses call nearly as
it is; one of format Anthropic gets messages.

Headers: the tier's own key, in the field of its API, `anthropic-version: 2023-06-01` for messages, and of those that
[go there](architecture.md#keys-of-fallback-tiers) none that begins with `anthropic-` or `openai-`. The query is left out.
Of an answer `set-cookie`, `etag` and rate-limit fields stay behind; the status stays.

- An error comes in the caller's format, with the provider's message.
- A 400 of such a tier is about words that the agent did not write, as a 401, 403 or 404 of any tier that the agent did
  not ask for is about a key and a model that are not the agent's: the next tier is asked. After the last one the agent gets the chain's fixed text, or 503 `all_targets_failed`.
- What cannot be read as an answer of the tier's API (encoded, another type, broken tool arguments, more than 4 MiB at
  once) is `malformed`, never a success.
- What only one account of a provider has is not asked for elsewhere, even in the caller's own API: a tier of another origin
  or key is skipped with class `untranslatable` for `previous_response_id`, `conversation`, `prompt`, `background`, items of
  type `item_reference` and files by id; of other Responses requests it gets no reasoning items. In a tool loop the account
  is the one that asked for the tools. An agent whose next turn names a response of a tier is refused by its own provider.
- A Responses answer of another format is stored nowhere: an agent that goes on with `previous_response_id` instead of the
  history is refused by its provider.
- A whole answer where a stream was asked for is sent as that stream.
- A stream that breaks ends in an error event of the caller's format, or goes on in another tier, whatever it speaks
  (`onMidStreamFailure: RestartIfOnlyText`).
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
