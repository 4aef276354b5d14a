"""The report as a person sees it: opened from disk in a browser that reaches no network, wide and on a phone."""

import pytest

from analysis import load_study
from analysis.reporting.report import write_report
from tests.analysis.conftest import build_study
from tests.end_to_end.browser import await_true, chromium

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
DRAWN = """
    const places = [...document.querySelectorAll('.interactive')];
    return places.map((place) => [place.id, place.querySelectorAll('svg.main-svg').length, place.offsetHeight]);
"""
TRACES = "return Object.fromEntries([...document.querySelectorAll('.interactive')].map((p) => [p.id, p.data.length]));"
WIDER = """
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll('body *')].filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.right > wide + 1 && !element.closest('.scroll') && !element.closest('pre');
    }).map((element) => element.tagName + ' ' + element.className);
"""
BROKEN = "return [...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src);"
LOADED = """
    const names = performance.getEntriesByType('resource').map((entry) => entry.name);
    return names.filter((name) => !/^(file|data|blob):/.test(name));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    study = build_study(tmp_path_factory.mktemp("results") / "seen", trials=12)
    return write_report(load_study(study), study / "report")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        yield driver


def opened(browser, page):
    browser.get(page.as_uri())
    await_true(browser, lambda: all(svgs for _, svgs, _ in browser.execute_script(DRAWN)), "interactive figures")
    return browser


def test_it_opens_without_a_network_and_without_an_error(browser, page):
    opened(browser, page)
    drawn = browser.execute_script(DRAWN)
    assert {"interactive-parallel", "interactive-curves", "interactive-history"} <= {name for name, _, _ in drawn}
    assert all(height > 200 for _, _, height in drawn)
    assert all(browser.execute_script(TRACES).values())
    assert browser.execute_script(BROKEN) == []
    assert browser.execute_script(LOADED) == []
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_it_fits_a_phone(browser, page):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        opened(browser, page)
        assert browser.execute_script("return document.documentElement.clientWidth") == PHONE["width"]
        assert browser.execute_script(WIDER) == []
        assert browser.execute_script("return document.documentElement.scrollWidth") == PHONE["width"]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
