"""NNI's web UI as a person sees it: headless Chromium that reaches this machine and no other."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 60
"""Seconds that a page may take: it is a program of 7 MB, on a machine that trains."""
SERIES = """
    const key = Object.keys(arguments[0]).find((name) => name.startsWith('__react') && !name.includes('Props'));
    let node = arguments[0][key];
    while (!node.memoizedProps?.option?.series) { node = node.return; }
    return node.memoizedProps.option.series.map(({name, data}) => [name, data]);
"""
"""A chart is a canvas, which has no text: what it draws is in the component around it."""
INK = """
    const canvas = arguments[0].querySelector('canvas');
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
    """Give a browser that keeps its things in *profile*."""
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


def overview(driver: webdriver.Chrome, url: str) -> str:
    """Return the text of the page *Overview* as soon as it says how the study is."""
    driver.get(f"{url}/oview")
    body = WebDriverWait(driver, PATIENCE).until(lambda _: driver.find_element(By.TAG_NAME, "body"))
    WebDriverWait(driver, PATIENCE).until(lambda _: "Best metric" in body.text)
    return body.text


class TrialsPage:
    """The page *Trials detail* of one study."""

    def __init__(self, driver: webdriver.Chrome, url: str, trials: int) -> None:
        """Open the page and wait until it lists so many *trials*."""
        self.driver = driver
        driver.get(f"{url}/detail")
        self.wait(lambda: len(self.rows()) == trials)

    def wait(self, true: object) -> None:
        """Wait until the function *true* returns what is true."""
        WebDriverWait(self.driver, PATIENCE).until(lambda _: true())

    def choose_all_columns(self) -> list[str]:
        """Show every column that the table can show; return what they are called in the list of columns."""
        self._press(self._button("Add/Remove columns"))
        names = [label.text for label in self._all(".columns-height .ms-Checkbox-text")]
        self._press(self._all(".columns-height .ms-Checkbox-label")[names.index("Select all")])
        self._press(self._button("Save"))
        return names

    def rows(self) -> dict[str, dict[str, str]]:
        """Return trial id → column → text of the table."""
        rows = [
            {cell.get_attribute("data-automation-key"): cell.text.strip() for cell in self._all("[role=gridcell]", row)}
            for row in self._all("#tableList .ms-DetailsRow")
        ]
        return {_words(row["id"]): row for row in rows}

    def details(self) -> dict[str, str]:
        """Unfold every row and return trial id → its parameters as they are shown, in one line."""
        for arrow in self._all("#tableList [data-automation-key=_expand] i"):
            self._press(arrow)
        shown = [_words(details.text) for details in self._all("#tableList .bgHyper")]
        return dict(zip(self.rows(), shown, strict=True))

    def tab(self, name: str) -> None:
        """Open one of the plots above the table."""
        self._press(self.driver.find_element(By.CSS_SELECTOR, f"button[role=tab][name='{name}']"))

    def curves(self) -> dict[str, list[float]]:
        """Return trial id → what is drawn in *Intermediate result*, which is open."""
        (chart,) = self._all(".intermediate-graph .echarts-for-react")
        return dict(self.driver.execute_script(SERIES, chart))

    def has_drawn(self) -> bool:
        """Return whether there is a colour on the screen in *Intermediate result*, which is open."""
        charts = self._all(".intermediate-graph .echarts-for-react")
        return bool(charts) and self.driver.execute_script(INK, charts[0])

    def axes(self) -> list[str]:
        """Return the axes of *Hyper-parameter*, which is open."""
        self.wait(lambda: self._all(".parcoords .dimension .label"))
        return [label.text for label in self._all(".parcoords .dimension .label")]

    def compare(self, trials: int) -> None:
        """Mark the first *trials* of the table and open *Compare*."""
        for box in self._all("#tableList .detail-check .ms-Checkbox-label")[:trials]:
            self._press(box)
        self._press(self._button("Compare"))

    def compared(self) -> dict[str, list[str]]:
        """Return the rows of the table in *Compare*, which is open."""
        rows = [[cell.text for cell in self._all("td", row)] for row in self._all(".compare-modal-table tr")]
        return {_words(name): values for name, *values in rows}

    def options(self, scope: str) -> list[str]:
        """Return what can be chosen in the last menu inside *scope* (a CSS selector)."""
        self._press(self._all(f"{scope} .ms-Dropdown")[-1])
        self.wait(lambda: self._all(".ms-Dropdown-item"))
        names = [item.text for item in self._all(".ms-Dropdown-item")]
        self._press(self._all(".ms-Dropdown-item")[0])
        return names

    def errors(self) -> list[str]:
        """Return the errors in the browser's console since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def _all(self, selector: str, inside: WebElement | None = None) -> list[WebElement]:
        return (inside or self.driver).find_elements(By.CSS_SELECTOR, selector)

    def _button(self, text: str) -> WebElement:
        (found,) = [button for button in self._all("button") if button.text == text]
        return found

    def _press(self, element: WebElement) -> None:
        # a click by hand misses what the page is still sliding in
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", element)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"the tests of the web UI need {name}: apt-get install chromium chromium-driver"
    return found


def _words(text: str) -> str:
    """Return *text* in one line, without the glyphs of the icon font."""
    return re.sub(r"[\ue000-\uf8ff▶▼\s]+", " ", text).strip()
