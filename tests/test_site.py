"""The documentation as a site: a strict build, every page reached, nothing asked of another host."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a broken link or an anchor that is not there ends the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """What a browser fetches by itself to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if "src" in named:
            self.found.append(named["src"])
        if tag == "link" and named.get("rel") not in ("canonical", "prev", "next"):
            self.found.append(named["href"])


def loaded(page: Path) -> list[str]:
    parser = Loaded()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


def test_every_page_of_the_documentation_is_in_the_site(site):
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert [str(page) for page in pages if not (site / page).is_file()] == []


def test_a_reader_asks_no_other_host(site):
    fetched = {link for page in site.rglob("*.html") for link in loaded(page)}
    assert len(fetched) > 5
    assert {link for link in fetched if re.match(r"(\w+:)?//", link)} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_what_pages_show_and_point_to_is_part_of_the_site(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        links = [*loaded(page), *re.findall(r'<a [^>]*href="([^"#]+)', text)]
        inside = [link for link in links if not re.match(r"\w+:|//|/", link)]
        missing = [link for link in inside if not (page.parent / link.split("#")[0].split("?")[0]).exists()]
        assert missing == [], page


def test_the_tour_leads_to_the_source(site):
    assert "repository/rdcbench/codec.py.html" in (site / "tour.html").read_text(encoding="utf-8")
    assert "class" in (site / "repository/rdcbench/codec.py.html").read_text(encoding="utf-8")
    assert (site / "repository/benchmarks/mnist-universal/results/fig5.png").stat().st_size > 10_000
