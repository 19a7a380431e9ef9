"""What of a page in Markdown may be code: a word that stands where it runs is kept, else it becomes blank."""

from __future__ import annotations

import time

import pytest

from xbuild.plan.toolchains.node.markdown_code import code_of

PROSE = [
    "Channels (e.g., MARK, local) and more",
    "# MARK",
    "- MARK\n- a",
    "> MARK",
    "| a | MARK |\n|---|---|\n| b | c |",
    "Use `{ MARK }` here",
    "Use ``a ` { MARK }`` here",
    "Use `<script>` and `MARK`",
    "```\nMARK\n```",
    "```js\n{{ MARK }}\n```",
    '```js {1,3-4} title="a.js"\n{{ MARK }}\n```',
    "```ts:line-numbers [a.ts]\nMARK\n```",
    "````md\n```js\nMARK\n```\n````",
    "~~~ sh\nMARK\n~~~",
    "- a\n\n  ```js\n  MARK\n  ```",
    "1. ```js\n   MARK\n   ```",
    "::: tip\nMARK\n:::",
    "<Badge/>\n\nMARK",
    "import A from './a'\n\nMARK",
    "<script setup>\nconst a = `{`\n</script>\n\nMARK",
    "<!-- { -->\n\nMARK",
    "text <Foo :a=\"b > 1\" c='>'/> MARK",
    "a {{ b }} MARK",
]
CODE = [
    "{{ MARK }}",
    "a {{ b }} {{\nMARK }}",
    "{{ `MARK` }}",
    '<Foo :a="MARK"/>',
    'text <Foo :a="`MARK`"/>',
    "<Foo a={`MARK`}/>",
    "<Foo a={b > 1 ? MARK : 1}/>",
    '<Foo a={"}>" + MARK}/>',
    '{"}" + MARK}',
    '{"\\"}" + MARK}',
    '{/* " */ f("}") + MARK}',
    '{ f("}",\n\nMARK) }',
    "<script setup>\nconst a = `MARK`\n</script>",
    "<script>\n```\n\nMARK\n\n```\n</script>",
    "text <script>\n\nMARK\n</script>",
    "import a from 'a'\nexport const b = MARK",
    "export const a =\n\nMARK",
    "export const a = `\n```\n${MARK}\n```\n`",
    "---js\n{ a: MARK }\n---\ntext",
    "---\na: MARK\n---\n",
    # fences and spans that are none, or end elsewhere
    "```\na\n```js\n```\n{{ MARK }}\n```\nb\n```",
    "````\n```\n````\n\n{{ MARK }}\n\n```\na\n```",
    "<div>\n```\n{{ MARK }}\n```\n</div>",
    "<Badge/> text\n```js\na\n\nb\n```\n\n{{ MARK }}\n\n```\nc\n```",
    "- ```js\n  a\n  ```\n  {{ MARK }}\n  ```\n  b\n  ```",
    "- ```\n  a\n```\nb\n```\n\n{{ MARK }}\n\n```\nc\n```",
    "    ```\n    a\n\n{{ MARK }}\n    ```",
    "  ```\n    ```\n  {{ MARK }}\n  ```\n",
    "```\na\u2028```\n{{ b }}\n```\n{{ MARK }}\n```\na\n```",
    "\\` {{ MARK }} `",
    "` a\nb `{{ MARK }}` c",
    "Use `{{ MARK }}` here",
    "see <http://a`b> {{ MARK }} `",
    "| ` | {{ MARK }} | ` |\n|---|---|---|",
    "- ` {{ MARK }}\n- `",
    # what runs although it is shown
    "```js-vue\n{{ MARK }}\n```",
    "```jsx live\nMARK\n```",
    "```demo\nMARK\n```",
    "::: demo\n```vue\nMARK\n```\n:::",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_becomes_blank(text: str) -> None:
    assert "MARK" not in code_of(text)


@pytest.mark.parametrize("text", CODE)
def test_code_is_kept(text: str) -> None:
    assert "MARK" in code_of(text)


@pytest.mark.parametrize("text", [*PROSE, *CODE, ""])
def test_every_line_stays_in_its_place(text: str) -> None:
    kept = code_of(text)
    assert [len(line) for line in kept.split("\n")] == [len(line) for line in text.split("\n")]
    assert all(one in (" ", other) for one, other in zip(kept, text, strict=True))


@pytest.mark.parametrize(
    "part",
    [
        "<a ",
        "<pre>",
        "<pre>\n\n",
        "```\n",
        "`" * 3 + "a" + "`",
        "{{ ",
        '<a b="',
        "import a from 'b'\n",
        "- ",
        "[\n",
        "<!--",
    ],
)
def test_a_long_page_takes_no_long_time(part: str) -> None:
    start = time.process_time()
    code_of(part * (200_000 // len(part)))
    code_of((part * 1000 + "\n\n") * (200 // len(part)))
    assert time.process_time() - start < 5
