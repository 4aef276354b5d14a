"""NNI's web UI as a person sees it, in a headless Chromium that reaches this machine and no other."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

TIMEOUT = 240
"""Seconds that a page may take: it loads 7 MB of JavaScript, on a machine that trains."""
PRESS = r"""
    const [selector, text] = arguments;
    const found = [...document.querySelectorAll(selector)];
    const withoutGlyphs = (element) => element.innerText.replace(/[\ue000-\uf8ff]/g, '').trim();
    const wanted = text === null ? found : found.filter((element) => withoutGlyphs(element) === text);
    wanted.forEach((element) => element.click());
    return wanted.length;
"""
"""A real click misses what the page is still sliding in, and an element found earlier is gone after a refresh."""
TEXTS = "return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent);"
ROWS = """
    const rows = [...document.querySelectorAll('#tableList .ms-DetailsRow')];
    return rows.map((row) => Object.fromEntries(
        [...row.querySelectorAll('[role=gridcell]')].map((cell) => [cell.dataset.automationKey, cell.innerText])
    ));
"""
COMPARED = """
    const rows = [...document.querySelectorAll('.compare-modal-table tr')];
    return rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent));
"""
CURVES = """
    const chart = document.querySelector(arguments[0] + ' .echarts-for-react');
    if (chart === null) { return {}; }
    const key = Object.keys(chart).find((name) => name.startsWith('__reactFiber'));
    let node = chart[key];
    while (!node.stateNode?.getEchartsInstance) { node = node.return; }
    const series = node.stateNode.getEchartsInstance().getOption()?.series ?? [];
    return Object.fromEntries(series.map(({name, data}) => [name, data]));
"""
"""A chart is a canvas without text; the component around it has the data."""
HAS_COLOUR = """
    const canvas = document.querySelector(arguments[0] + ' .echarts-for-react canvas');
    if (canvas === null) { return false; }
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
        const colour = data.slice(at, at + 3);
        if (Math.max(...colour) - Math.min(...colour) > 60) { return true; }
    }
    return false;
"""
"""Curves have colours, everything else in a chart is grey."""


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Give a browser with its profile in the folder *profile*."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",  # as root it does not start with one
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--window-size=1600,1200",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(_program("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def await_true(driver: webdriver.Chrome, true: Callable[[], Any], what: str) -> None:
    """Wait until *true()* is true; *what* describes it in the error."""
    WebDriverWait(driver, TIMEOUT, poll_frequency=0.2).until(lambda _: true(), f"in {TIMEOUT} s there was no {what}")


def overview(driver: webdriver.Chrome, url: str) -> str:
    """Return the text of the page *Overview* as soon as it shows the best metric."""
    driver.get(f"{url}/oview")
    shown = ""

    def complete() -> bool:
        nonlocal shown
        shown = driver.execute_script("return document.body.innerText")
        return "Best metric" in shown

    await_true(driver, complete, "page Overview")
    return shown


class TrialsPage:
    """The page *Trials detail* of one study."""

    def __init__(self, driver: webdriver.Chrome, url: str, trials: int) -> None:
        """Open the page and wait until it lists so many *trials*."""
        self.driver = driver
        self.trials = trials
        driver.get(f"{url}/detail")
        self._wait(lambda: len(self.rows()) == trials, f"table of {trials} trials")

    def default_metrics(self) -> list[str]:
        """Return what can be chosen in *Default metric*, which a page opens with."""
        return self._options(".default-metric .ms-Dropdown-container ~ .ms-Dropdown-container .ms-Dropdown")

    def axes(self) -> list[str]:
        """Open *Hyper-parameter* and return its axes."""
        self._open("Hyper-parameter")
        labels = ".parcoords .dimension .label"
        self._wait(lambda: self._texts(labels), "axes")
        return self._texts(labels)

    def curves(self) -> dict[str, list[float]]:
        """Open *Intermediate result* and return trial id → curve, when there is a colour on the screen."""
        self._open("Intermediate result")
        return self._drawn(".intermediate-graph")

    def choose_all_columns(self) -> list[str]:
        """Show every column that the table can show; return what they are called in the list of columns."""
        boxes = ".columns-height .ms-Checkbox-text"
        self._press("#tableList button", "Add/Remove columns")
        self._wait(lambda: self._texts(boxes), "list of columns")
        everything, *names = self._texts(boxes)
        self._press(".columns-height .ms-Checkbox-label", everything)
        self._wait(lambda: len(self._texts(".columns-height .is-checked")) == 1 + len(names), "ticks")
        self._press(".ms-Dialog-main button", "Save")
        columns_without_name = {"_selected", "_expand", "_operation"}
        self._wait(lambda: all(len(row.keys() - columns_without_name) == len(names) for row in self._rows()), "columns")
        return names

    def rows(self) -> dict[str, dict[str, str]]:
        """Return trial id → column → text of the table."""
        return {row["id"]: row for row in self._rows()}

    def details(self) -> dict[str, str]:
        """Unfold every row and return trial id → its parameters as they are shown, in one line."""
        self._press("#tableList [data-automation-key=_expand] i")
        shown = "#tableList .bgHyper"
        self._wait(lambda: len(self._texts(shown)) == self.trials, "unfolded rows")
        return dict(zip(self.rows(), map(_words, self._texts(shown)), strict=True))

    def compare(self) -> dict[str, list[str]]:
        """Mark all trials, open *Compare*, and return the rows of its table."""
        self._press("#tableList .detail-check input")
        self._wait(lambda: len(self._texts("#tableList .detail-check.is-checked")) == self.trials, "marked trials")
        self._press("#tableList button", "Compare")
        self._wait(lambda: self.driver.execute_script(COMPARED), "comparison")
        return {name: values for name, *values in self.driver.execute_script(COMPARED)}

    def compared_curves(self) -> dict[str, dict[str, list[float]]]:
        """Choose each metric of *Compare*, which is open; return metric → trial id → curve."""
        menu = ".compare-modal .ms-Dropdown"
        curves = {}
        for metric in self._options(menu):
            self._choose(menu, metric)
            curves[metric] = self._drawn(".compare-modal")
        return curves

    def leave(self) -> list[str]:
        """Leave the page, which would go on asking, and return the errors in the browser's console."""
        self.driver.get("about:blank")
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def _rows(self) -> list[dict[str, str]]:
        return [{key: _words(text) for key, text in row.items()} for row in self.driver.execute_script(ROWS)]

    def _drawn(self, scope: str) -> dict[str, list[float]]:
        self._wait(lambda: self.driver.execute_script(HAS_COLOUR, scope), "curve")
        return self.driver.execute_script(CURVES, scope)

    def _open(self, tab: str) -> None:
        self._press(f"button[role=tab][name='{tab}']")

    def _options(self, menu: str) -> list[str]:
        """Return what can be chosen in a *menu* (a CSS selector), and choose the first."""
        self._press(menu)
        self._wait(lambda: self._texts(".ms-Dropdown-item"), "open menu")
        names = self._texts(".ms-Dropdown-item")
        self._pick(names[0])
        return [_words(name) for name in names]

    def _choose(self, menu: str, name: str) -> None:
        self._press(menu)
        self._pick(name)

    def _pick(self, name: str) -> None:
        self._press(".ms-Dropdown-item", name)
        self._wait(lambda: not self._texts(".ms-Dropdown-item"), "closed menu")

    def _texts(self, selector: str) -> list[str]:
        return self.driver.execute_script(TEXTS, selector)

    def _press(self, selector: str, text: str | None = None) -> None:
        """Press all elements of this *selector* (with this *text*) as soon as there is one."""
        self._wait(lambda: self.driver.execute_script(PRESS, selector, text), f"{text or selector} to press")

    def _wait(self, true: Callable[[], Any], what: str) -> None:
        await_true(self.driver, true, what)


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path, f"the tests of the web UI need {name}: apt-get install chromium chromium-driver"
    return path


def _words(text: str) -> str:
    """Return *text* in one line, without the glyphs of the icon font."""
    return re.sub(r"[\ue000-\uf8ff▶▼\s]+", " ", text).strip()
