"""docs/odeint.md does what it shows."""

import pytest
from pages import Shell, blocks, page, shows

pytestmark = pytest.mark.numeric

PAGE = page("odeint.md")


def test_the_examples_of_the_page(tmp_path):
    shell, count, said = Shell(tmp_path), 0, None
    for language, block in blocks(PAGE):
        if language in ("csv", "yaml"):
            (tmp_path / f"kinetics.{language}").write_text(block)
        elif language == "python":
            said = shell.python(block)
        elif language == "text":
            count += 1
            assert shows(block, said), said
        elif language == "console":
            count += shell.check(block)
    assert count == 4
