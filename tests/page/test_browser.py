"""The page in a real browser, from disk. Without a browser these fail, unless RDCBENCH_NO_BROWSER says that none is there."""

from __future__ import annotations

import os
import shutil

import pytest

from rdcbench.page import make_page

from .conftest import make_run, put_receiver_bytes

NAMES = ("chromium", "chromium-browser", "google-chrome")
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("RDCBENCH_NO_BROWSER")),
    reason="RDCBENCH_NO_BROWSER is set: the page was not opened in a browser",
)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail(f"None of {', '.join(NAMES)} is installed; install one, or set RDCBENCH_NO_BROWSER=1.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of a run; whatever it says on its console, or asks for, is collected and must stay nothing."""
    wrong = []

    def open_page(store, claims=(), **options):
        path = tmp_path / "report.html"
        path.write_text(make_page([store], {store.root: list(claims)}), encoding="utf-8")
        page = browser.new_page(**options)
        page.set_default_timeout(120_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith(("file:", "data:", "blob:")) or wrong.append(sent.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        return page

    yield open_page
    assert wrong == []


def column(page, place):
    return [cell.strip() for cell in page.locator(f"#board tbody tr td:nth-child({place})").all_inner_texts()]


def test_sorting_filtering_and_columns(opened, tmp_path):
    page = opened(make_run(tmp_path / "run", points=4))
    assert page.locator("#board tbody tr").count() == 8
    page.click('#board [data-sort="mse"]')
    shown = [float(text.split(" ")[0]) for text in column(page, 5)]
    assert shown in (sorted(shown), sorted(shown, reverse=True))
    page.click('#board [data-sort="mse"]')
    assert [float(text.split(" ")[0]) for text in column(page, 5)] == shown[::-1]
    assert page.locator('#board th[aria-sort="ascending"], #board th[aria-sort="descending"]').count() == 1
    page.fill("#filter", "rdc-1 0.002")
    assert page.locator("#board tbody tr").count() == 1
    assert "1 of 8 rows" in page.inner_text("#count")
    page.fill("#filter", "")
    page.select_option("#columns", "costs")
    assert page.locator('#board [data-sort="train_seconds"]').count() == 1


def test_methods_are_ranked_with_what_their_receivers_keep(opened, tmp_path):
    store = make_run(tmp_path / "run", studies=1)
    put_receiver_bytes(store)
    assert "receiver 1,000 bytes" in opened(store).inner_text("#cards .ranks")


def test_layers_axes_and_keyboard(opened, tmp_path):
    page = opened(make_run(tmp_path / "run"))
    plot = ".figure:first-child .plot"
    traces = f"document.querySelector('{plot}').data.length"
    page.focus(plot)
    before = page.evaluate(traces)
    page.uncheck(".figure:first-child [data-layer=paper]")
    assert page.evaluate(traces) == before - 1
    page.check(".figure:first-child [data-layer=paper]")
    page.uncheck(".figure:first-child [data-layer='series 0']")
    assert page.evaluate(traces) < before
    page.check(".figure:first-child [data-layer='series 0']")
    assert page.evaluate(f"document.querySelector('{plot}').layout.shapes.length") == 1
    names = page.evaluate(
        f"document.querySelector('{plot}').data.find((one) => one.mode === 'markers+text').textposition"
    )
    assert sorted(names) == ["bottom right", "top right"], "a codebook on its line has its name on the other side of it"
    page.uncheck(".figure:first-child [data-layer=bounds]")
    assert page.evaluate(f"document.querySelector('{plot}').layout.shapes.length") == 0
    page.focus(plot)
    seen = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.append(page.inner_text("#inspector strong"))
    assert seen == [f"rdc classification={weight}" for weight in ("0", "0.001", "0.002")]
    assert page.locator("#inspector img").count() == 2
    page.keyboard.press("Escape")
    assert page.locator("#inspector").is_hidden()
    page.select_option(".figure:first-child select", "accuracy_judge")
    assert "accuracy" in page.evaluate(f"document.querySelector('{plot}').layout.xaxis.title.text")


def test_figures_are_drawn_when_they_come_near_and_not_before(opened, tmp_path):
    page = opened(make_run(tmp_path / "run"), viewport={"width": 600, "height": 400})
    drawn = page.locator("#plots .plot[data-drawn]")
    assert drawn.count() == 0
    page.click("#theme")
    assert drawn.count() == 0
    page.locator("#plots .plot").last.scroll_into_view_if_needed()
    page.wait_for_selector(".figure:last-child .plot[data-drawn]")
    assert page.evaluate("document.querySelector('.figure:last-child .plot').data.length") > 0


def test_all_figures_are_drawn_for_print(opened, tmp_path):
    page = opened(make_run(tmp_path / "run"), viewport={"width": 600, "height": 400})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#plots .plot[data-drawn]").count() == 2


def test_rows_open_by_keyboard_and_the_dial_moves_all_studies(opened, tmp_path):
    page = opened(make_run(tmp_path / "run"))
    page.focus("#board tbody tr:first-child")
    page.keyboard.press("Enter")
    assert page.locator("#inspector").is_visible()
    first = page.inner_text("#viewer .strips")
    page.focus("#dial")
    page.keyboard.press("End")
    assert page.inner_text("#viewer .strips") != first
    assert "classification=0.002" in page.inner_text("#viewer .strips")


def test_dark_light_and_a_phone(opened, tmp_path):
    claim = {"claim": "law", "verdict": "FAIL", "says": "it holds", "numbers": "0 of 1 " * 60}
    page = opened(make_run(tmp_path / "run"), [claim], viewport={"width": 360, "height": 740}, color_scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "FAIL" in page.inner_text("#claims")


def test_hostile_names_stay_text(opened, evil):
    attack = evil.recipe().title
    page = opened(evil, [dict.fromkeys(("claim", "verdict", "says", "numbers"), attack)])
    page.focus(".figure:first-child .plot")
    page.keyboard.press("ArrowRight")
    page.hover(".figure:first-child .plot")
    assert page.evaluate("window.hacked === undefined")
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert attack in page.inner_text("h1")
