"""Makes the pictures of the README: a training of digits on the terminal, for light and dark pages.

    python docs/screenshot.py

What is shown is real: the screen's own lines and bars, as they stand in the middle of the 14th epoch, by rich's
export. The fonts that the export would fetch from the network are left out.
"""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME

from agcli.events import EpochDone, Stepped
from agcli.report.screen import Screen
from agcli.spec import read_spec
from agcli.training import Trainer
from agcli.training import trainer as training

HERE = Path(__file__).resolve().parent
EPOCH, STEP, WIDTH = 14, 23, 92
THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def pictures(spec: Path) -> dict[str, str]:
    """Name of a theme -> the SVG of a training that stands at ``STEP`` of ``EPOCH``."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    screen = Screen(console, live=False)
    pause = training.TICK
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(read_spec(spec), Path(folder) / "digits")
        for event in trainer:
            screen(event)
            if isinstance(event, EpochDone) and event.epoch == EPOCH - 1:
                training.TICK = -1.0  # an event after every step, which takes time
            if isinstance(event, Stepped) and (event.epoch, event.step) == (EPOCH, STEP):
                break
    training.TICK = pause
    console.print(screen.render())
    title = f"ag train {spec.relative_to(HERE.parent)}"
    made = {name: console.export_svg(title=title, theme=theme, clear=False) for name, theme in THEMES.items()}
    return {name: FONTS.sub("", svg) for name, svg in made.items()}


def main() -> None:
    """Write docs/images/train-light.svg and train-dark.svg."""
    for name, svg in pictures(HERE.parent / "models" / "digits.yaml").items():
        path = HERE / "images" / f"train-{name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
        print(path.relative_to(HERE.parent))  # noqa: T201


if __name__ == "__main__":
    main()
