"""What a person reads when a spec is broken: each tests/golden/spec/NAME.yaml gives exactly NAME.txt.

`UPDATE_GOLDEN=1 pytest tests/spec/test_spec_golden.py` writes the texts anew; read the diff.
"""

import os
from pathlib import Path

import pytest

from agcli.spec import SpecError, read_spec

FOLDER = Path(__file__).parents[1] / "golden" / "spec"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_text_of_broken_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(SpecError) as caught:
        read_spec(f"{name}.yaml")
    text = f"{caught.value}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        Path(f"{name}.txt").write_text(text, encoding="utf-8")
    assert text == Path(f"{name}.txt").read_text(encoding="utf-8")


def test_every_text_has_its_spec() -> None:
    assert len(NAMES) >= 50
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == NAMES
