"""The page in a real browser: it plays, it obeys the keys, and it asks nobody for anything.

Needs playwright and a Chromium that plays MP3, such as Debian's `chromium` or Google Chrome;
`MUSEGEN_CHROMIUM` may say where it is. Without them these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from preview_pages import BAR, EVIL, changing, hostile, tune

from musegen import midi, preview
from musegen.song import Song
from musegen.sound import SoundFont, play, usual_font

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install -e '.[test,browser]'"
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATH = os.environ.get("MUSEGEN_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(PATH is None, reason=f"none of {', '.join(BROWSERS)} is installed")

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
SILENT = Song((), 2 * BAR)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        arguments = ["--mute-audio"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--no-sandbox")  # which root cannot have
        browser = started.chromium.launch(executable_path=PATH, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four takes: one slows down, one has names that would do harm, one is silent, one longer."""
    font = SoundFont(usual_font())
    page = preview.Page(EVIL, f"musegen generate {EVIL}", (EVIL,))
    for number, song in enumerate((changing(), hostile(), SILENT, tune(8)), 1):
        name = EVIL if number == 2 else f"take_{number}.mid"
        page.add(
            song,
            name,
            data=midi.to_bytes(song),
            play=partial(play, song, font),
            label=f"Take {number}",
        )
    path = tmp_path_factory.mktemp("page") / "preview.html"
    path.write_bytes(page.html())
    return path


class Browsing:
    """One page that is open, and all that it asked for and complained of."""

    def __init__(self, chromium: Any, path: Path, **how: Any) -> None:
        self.context = chromium.new_context(**how)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def row(self, number: int) -> Any:
        return self.page.locator(f"#row-{number}")

    def left(self, number: int) -> float:
        """Where the playhead is, in shares of the music's width."""
        share = """row => {
            const roll = row.querySelector(".roll").getBoundingClientRect();
            const svg = row.querySelector("svg.musegen-plot");
            const [x, , width] = svg.dataset.area.split(" ").map(Number);
            const scale = roll.width / svg.viewBox.baseVal.width;
            const from = svg.viewBox.baseVal.x;
            const at = parseFloat(row.querySelector(".playhead").style.left) / 100 * roll.width;
            return (at - (x - from) * scale) / (width * scale);
        }"""
        return float(self.row(number).evaluate(share))

    def playing(self) -> list[str]:
        return [str(row.get_attribute("id")) for row in self.page.locator(".is-playing").all()]

    def selected(self) -> str:
        return str(self.page.locator("[aria-current]").get_attribute("id"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(1000 * seconds)


@pytest.fixture
def browsing(chromium: Any, path: Path) -> Iterator[Browsing]:
    browsing = Browsing(chromium, path, **DESKTOP)
    yield browsing
    browsing.context.close()
    assert browsing.complaints == []
    asked = {url.partition(":")[0] for url in browsing.requests}
    assert asked <= {"file", "blob", "data"}
    assert {url for url in browsing.requests if url.startswith("file:")} == {path.as_uri()}


def test_it_plays_and_the_playhead_moves(browsing: Browsing) -> None:
    browsing.row(1).locator(".play").click()
    browsing.wait(1.2)
    assert browsing.playing() == ["row-1"]
    first = browsing.left(1)
    browsing.wait(0.5)
    assert 0 < first < browsing.left(1) < 0.5
    assert browsing.row(1).locator(".play").get_attribute("aria-label") == "Pause take_1.mid"
    assert "/ 0:12" in browsing.row(1).locator(".clock").inner_text()
    browsing.row(1).locator(".play").click()
    browsing.wait(0.2)
    still = browsing.left(1)
    browsing.wait(0.4)
    assert (browsing.playing(), browsing.left(1)) == ([], still)


def test_only_one_row_plays(browsing: Browsing) -> None:
    browsing.row(1).locator(".play").click()
    browsing.wait(0.6)
    browsing.row(4).locator(".play").click()
    browsing.wait(0.6)
    assert browsing.playing() == ["row-4"]
    left = browsing.left(1)
    assert left > 0
    browsing.row(1).locator(".play").click()  # goes on where it was
    browsing.wait(0.3)
    assert browsing.playing() == ["row-1"]
    assert left <= browsing.left(1) < left + 0.2


def test_the_playhead_follows_the_tempo(browsing: Browsing) -> None:
    browsing.page.keyboard.press("ArrowRight")
    browsing.page.keyboard.press("ArrowRight")
    browsing.page.keyboard.press("ArrowRight")
    assert browsing.left(1) == pytest.approx(0.75, abs=0.01)
    # Two bars at 120 bpm are 4 s, and one at 60 bpm is as many.
    assert "bar 4 · 0:08 / 0:12" in browsing.row(1).locator(".clock").inner_text()


def test_a_click_in_the_roll_seeks(browsing: Browsing) -> None:
    roll = browsing.row(4).locator(".roll")
    box = roll.bounding_box()
    roll.click(position={"x": box["width"] * 0.6, "y": box["height"] / 2})
    area = browsing.row(4).evaluate(
        "row => row.querySelector('svg.musegen-plot').dataset.area.split(' ').map(Number)"
    )
    whole = browsing.row(4).evaluate(
        "row => row.querySelector('svg.musegen-plot').viewBox.baseVal.width"
    )
    assert browsing.left(4) == pytest.approx((0.6 * whole - area[0]) / area[2], abs=0.01)
    assert browsing.playing() == []
    browsing.press(" ")
    browsing.wait(0.5)
    assert browsing.playing() == ["row-4"]
    assert browsing.left(4) > 0.5


def test_the_keys(browsing: Browsing) -> None:
    assert browsing.selected() == "row-1"
    browsing.press("ArrowDown")
    assert browsing.selected() == "row-2"
    browsing.press("ArrowUp", "ArrowUp")
    assert browsing.selected() == "row-1"
    browsing.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert browsing.selected() == "row-4"
    browsing.press(" ")
    browsing.wait(0.5)
    assert browsing.playing() == ["row-4"]
    browsing.press(" ")
    browsing.wait(0.2)
    assert browsing.playing() == []
    browsing.press("ArrowRight", "ArrowRight")
    assert browsing.left(4) == pytest.approx(2 / 8, abs=0.02)
    browsing.press("ArrowLeft")
    assert browsing.left(4) == pytest.approx(1 / 8, abs=0.02)
    browsing.press("k")
    assert browsing.row(4).locator(".keep").get_attribute("aria-pressed") == "true"
    browsing.press("K")
    assert browsing.row(4).locator(".keep").get_attribute("aria-pressed") == "false"


def test_space_is_the_button_s_own_where_one_has_the_focus(browsing: Browsing) -> None:
    browsing.row(1).locator(".keep").focus()
    browsing.press(" ")
    assert browsing.row(1).locator(".keep").get_attribute("aria-pressed") == "true"
    assert browsing.playing() == []
    browsing.row(1).locator(".keep").click()  # by mouse: the keys are the row's again
    browsing.press(" ")
    browsing.wait(0.3)
    assert browsing.playing() == ["row-1"]


def test_every_control_is_reached_by_tab_and_seen(browsing: Browsing) -> None:
    reached = []
    for _ in range(40):
        browsing.press("Tab")
        reached.append(
            browsing.page.evaluate(
                "() => [document.activeElement.className || document.activeElement.id,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    names = [name for name, _ in reached]
    for control in ("show-all", "show-kept", "play", "midi", "keep", "command", "copy-command"):
        assert control in names
    styles = {style for name, style in reached if name in ("play", "midi", "keep", "show-kept")}
    assert styles == {"solid"}


def test_a_silent_song_cannot_be_played(browsing: Browsing) -> None:
    assert browsing.row(3).locator(".play").count() == 0
    browsing.press("ArrowDown", "ArrowDown", " ", "ArrowRight")
    browsing.wait(0.3)
    assert browsing.playing() == []


def test_what_is_kept_is_there_again(browsing: Browsing, path: Path) -> None:
    page = browsing.page
    browsing.row(2).locator(".keep").click()
    browsing.row(4).locator(".keep").click()
    page.reload()
    assert page.locator('.keep[aria-pressed="true"]').count() == 2
    assert page.locator("#kept-count").inner_text() == "2"
    page.locator("#show-kept").click()
    assert [row.get_attribute("id") for row in page.locator(".row:visible").all()] == [
        "row-2",
        "row-4",
    ]
    browsing.row(2).locator(".keep").click()
    assert page.locator(".row:visible").count() == 1
    browsing.row(4).locator(".keep").click()
    assert page.locator("#none-kept").is_visible()
    page.locator("#show-all").click()
    assert page.locator(".row:visible").count() == 4


def test_names_are_copied_with_and_without_a_clipboard(chromium: Any, path: Path) -> None:
    for is_there in (True, False):
        browsing = Browsing(chromium, path, **DESKTOP)
        browsing.context.grant_permissions(["clipboard-read", "clipboard-write"])
        if not is_there:
            browsing.page.evaluate(
                "() => Object.defineProperty(navigator, 'clipboard', { value: undefined })"
            )
        browsing.row(1).locator(".keep").click()
        browsing.row(4).locator(".keep").click()
        browsing.page.locator("#copy-kept").click()
        browsing.page.wait_for_selector("#said.is-shown")
        assert browsing.page.locator("#said").inner_text() == "Copied 2 names"
        reader = browsing.context.new_page()
        reader.goto(path.as_uri())
        text = reader.evaluate("() => navigator.clipboard.readText()")
        assert text == "take_1.mid\ntake_4.mid"
        reader.evaluate("() => navigator.clipboard.writeText('')")
        browsing.context.close()


def test_the_file_is_downloaded(browsing: Browsing) -> None:
    with browsing.page.expect_download() as waiting:
        browsing.row(4).locator(".midi").click()
    download = waiting.value
    assert download.suggested_filename == "take_4.mid"
    assert Path(download.path()).read_bytes() == midi.to_bytes(tune(8))


def test_the_file_is_dragged(browsing: Browsing) -> None:
    dragged = browsing.row(4).evaluate("""row => {
        const transfer = new DataTransfer();
        const event = new DragEvent("dragstart", { dataTransfer: transfer, bubbles: true });
        row.querySelector(".midi").dispatchEvent(event);
        return transfer.getData("DownloadURL");
    }""")
    assert dragged.startswith("audio/midi:take_4.mid:data:audio/midi;base64,")


def test_names_do_no_harm(browsing: Browsing) -> None:
    assert browsing.page.locator("img").count() == 0
    assert browsing.page.title().startswith("</script><img src=x")
    assert EVIL[:40] in browsing.row(2).locator(".file").inner_text()


def test_nothing_could_be_fetched(chromium: Any, path: Path) -> None:
    browsing = Browsing(chromium, path, **DESKTOP)
    script = "const s = document.createElement('script'); s.textContent = 'window.was = 1';"
    browsing.page.evaluate(f"() => {{ {script} document.head.append(s); }}")
    assert browsing.page.evaluate("() => window.was") is None
    refused = browsing.page.evaluate(
        "() => fetch('https://example.com/').then(() => 'went', () => 'refused')"
    )
    assert refused == "refused"
    assert any("Content Security Policy" in complaint for complaint in browsing.complaints)
    assert not any(url.startswith("http") for url in browsing.requests)
    browsing.context.close()


@pytest.mark.parametrize("how", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen(chromium: Any, path: Path, how: Any, scheme: str) -> None:
    browsing = Browsing(chromium, path, **how, color_scheme=scheme, reduced_motion="reduce")
    wide, seen = browsing.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= seen
    browsing.row(1).locator(".play").click()
    browsing.wait(1)
    assert 0 < browsing.left(1) < 0.5
    browsing.context.close()
    assert browsing.complaints == []
