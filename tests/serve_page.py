#!/usr/bin/env python3
"""A browser at the page of gcmc serve: what a person does there by pointer and by keyboard, and what must never happen.

    serve_page.py URL [FOLDER FOR SCREENSHOTS]

Needs chromium and its driver, and from PyPI selenium and axe-playwright-python (for the axe-core that it bundles). The
model is one of ml-100k. Fails on any request to another host, any error in the console, a broken
Content-Security-Policy, and anything that axe-core reports.
"""
import importlib.util
import json
import shutil
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

URL = sys.argv[1].rstrip("/") + "/"
SHOTS = Path(sys.argv[2]) if len(sys.argv) > 2 else None
AXE = Path(importlib.util.find_spec("axe_playwright_python").origin).with_name("axe.min.js").read_text()
SECONDS = 10


def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


class Page:
    """What a person sees and does."""

    def __init__(self, driver):
        self.driver = driver
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": "window.broken = []; document."
            "addEventListener('securitypolicyviolation', e => broken.push(e.violatedDirective + ' ' + e.blockedURI));"})

    def look(self, width, height, scheme="light", motion="no-preference"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]})

    def open(self, fragment=""):
        self.driver.get("about:blank")
        self.driver.get(URL + fragment)
        self.until(lambda: self.one("#columns").is_displayed(), "the page is there")

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def until(self, holds, what):
        end = time.monotonic() + SECONDS
        while True:
            try:
                value = holds()
            except Exception:  # an element that was redrawn in between
                value = None
            if value:
                return value
            assert time.monotonic() < end, f"not so after {SECONDS} s: {what}"
            time.sleep(0.02)

    def titles(self):
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#list .title')].map(n => n.textContent)")

    def settled(self, what="a list"):
        self.until(lambda: self.titles() and not self.one("#list-section").get_attribute("aria-busy"), what)
        return self.titles()

    def rate(self, row, level):
        """Rates the item of a row, and returns its title and the list after it."""
        before, title = self.text("#news"), self.titles()[row]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.all("#list > li")[row])
        self.all("#list > li")[row].find_elements(By.CSS_SELECTOR, ".rater button")[level].click()
        self.until(lambda: self.text("#news") != before and title in self.text("#news"), f"the news tell of {title}")
        return title, self.settled()

    def press(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self):
        return self.driver.execute_script("const n = document.activeElement; return n.dataset.key || n.id || n.tagName")

    def tab_to(self, wanted, most=80):
        for _ in range(most):
            if wanted(self.focus()):
                return self.focus()
            self.press(Keys.TAB)
        raise AssertionError(f"no way by Tab; it ends at {self.focus()}")

    def shot(self, name):
        if SHOTS:
            SHOTS.mkdir(parents=True, exist_ok=True)
            time.sleep(0.4)
            self.driver.save_screenshot(str(SHOTS / name))

    def axe(self, where):
        """axe-core, run through the debugger's door: the page's own policy stays as it is."""
        self.until(lambda: not self.driver.execute_script("return document.getAnimations().length"), "animations end")
        self.driver.execute_script(AXE + "; window.axe = axe")
        answer = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', "
            "'wcag22aa', 'best-practice']}).then(done, e => done({error: String(e)}))")
        assert "error" not in answer, answer["error"]
        for found in answer["violations"]:
            nodes = [node["html"][:200] for node in found["nodes"][:4]]
            print(where, found["id"], found["help"], nodes, file=sys.stderr)
        assert not answer["violations"], f"axe: {len(answer['violations'])} violations, {where}"
        print(f"axe {answer['testEngine']['version']}, {where}: {len(answer['passes'])} rules hold, "
              f"{len(answer['incomplete'])} undecided {[one['id'] for one in answer['incomplete']]}")


def with_fewest_ratings(page):
    """Of those whose ids are numbers: three more ratings move their lists."""
    answer = page.driver.execute_async_script(
        "const done = arguments[0]; fetch('/v1/users?n=1000').then(answer => answer.json()).then(done)")
    return min((entry for entry in answer["users"] if entry["user"].isdigit()), key=lambda entry: entry["ratings"])["user"]


def existing_user(page):
    page.open()
    assert page.one("#welcome").is_displayed() and not page.titles()
    page.shot("welcome.png")
    page.axe("at the beginning")
    page.one("#who").click()
    page.until(lambda: page.all("#who-list [role=option]"), "users to choose from")
    page.one("#who").send_keys("1")
    page.until(lambda: page.all("#who-list [role=option]")[0].text.split()[0] == "1", "users whose id begins with 1")
    page.axe("with the list of users open")
    user = with_fewest_ratings(page)
    page.one("#who").clear()
    page.one("#who").send_keys(user)
    page.until(lambda: page.all("#who-list [role=option]")[0].text.split()[0] == user, f"user {user} in the list")
    page.all("#who-list [role=option]")[0].click()
    first = page.settled(f"recommendations for user {user}")
    assert page.driver.current_url.endswith(f"#user={user}"), page.driver.current_url
    assert len(first) == 10 and page.all("#known-list li") and "ratings" in page.text("#known-heading")
    figures = page.text("#list > li .figures")
    assert "likely" in figures and len(page.all("#list > li:first-child .bar")) >= 2, figures

    rated, lists, news = [], [first], ""
    for row, level in ((1, -1), (0, 0), (2, 0)):
        title, after = page.rate(row, level)
        rated.append(title)
        lists.append(after)
        news += page.text("#news")
        assert title not in after, f"{title} is rated, and still recommended"
        new = set(after) - set(lists[-2])
        marked = page.driver.execute_script(
            "return [...document.querySelectorAll('li:has(.badge.new) .title')].map(node => node.textContent)")
        assert new and new == set(marked), f"new are {new}, and marked {marked}"
    assert "moved up" in news and "new here" in news, news
    both = [[title for title in shown if title in first and title not in rated] for shown in (first, lists[-1])]
    assert both[0] != both[1], "the list does not move"
    assert [row.text for row in page.all("#own-list .title")] == rated[::-1]
    assert "rated=" in page.driver.current_url
    page.driver.refresh()
    page.until(lambda: page.titles() == lists[-1], "a reload shows the same list")
    assert [row.text for row in page.all("#own-list .title")] == rated[::-1], "a reload loses ratings"

    page.all("#own-list .quiet")[0].click()
    page.until(lambda: page.titles() == lists[-2], "the list is as before the last rating")
    assert "taken back" in page.text("#news") and len(page.all("#own-list li")) == 2
    page.one("#more").click()
    page.until(lambda: len(page.titles()) == 20, "ten more")
    assert page.focus() == page.all("#list > li")[10].find_element(By.CSS_SELECTOR, ".title").get_attribute("data-key")


def explanation(page):
    page.one("#list > li summary").click()
    page.until(lambda: page.all("#list .reasons li"), "reasons")
    reasons = [row.text for row in page.all("#list .reasons li")]
    assert all("raises it by" in row or "lowers it by" in row for row in reasons), reasons
    assert re.search(r"Because user \d+ rated", page.text("#list .why"))


def item(page):
    page.one("#look").send_keys("star wars")
    page.until(lambda: "found" in page.text("#found-count") and "Star Wars" in page.text("#found-list .title"), "a find")
    page.one("#found-list .title").click()
    page.until(lambda: len(page.all("#similar .title")) == 10 and page.text("#item-card strong"), "the item and others")
    assert re.search(r"Expected of user \d+", page.text("#item-card")) and "% alike" in page.text("#similar")
    expected = page.text("#item-card strong")
    button = page.all("#item-card .rater button")[1]
    button.click()
    page.until(lambda: page.text("#item-card strong") != expected, "another rating is expected after rating it 2")
    page.until(lambda: page.all("#item-card [aria-pressed=true]"), "the level given is pressed")
    assert page.focus() == button_key(page, "#item-card [aria-pressed=true]"), "the focus is lost with the rating"
    page.all("#similar .title")[0].click()
    page.until(lambda: "Star Wars" not in page.text("#item-card h3") and page.text("#item-card h3"), "the similar item")
    page.driver.back()
    page.until(lambda: "Star Wars" in page.text("#item-card h3"), "back at the first item")
    page.settled()


def button_key(page, selector):
    return page.one(selector).get_attribute("data-key")


def newcomer(page):
    page.open()
    page.one("#newcomer").click()
    page.until(lambda: page.text("#list-heading") == "Rate what you know" and page.titles(), "items to begin with")
    page.axe("as a new user")
    page.shot("newcomer.png")
    _, first = page.rate(0, -1)
    assert page.text("#list-heading") == "Recommended for you"
    _, second = page.rate(3, -1)
    assert first != second
    page.one("#undo-all").click()
    page.until(lambda: page.text("#list-heading") == "Rate what you know", "all ratings taken back")


def keyboard(page):
    """From the empty page to a rating, its undoing and a look at an item, without a pointer."""
    page.open()
    page.press(Keys.TAB)
    assert page.focus() == "skip"
    page.tab_to(lambda at: at == "who")
    page.press("1")
    page.until(lambda: page.one("#who-popup").is_displayed(), "users to choose from")
    page.press(Keys.ARROW_DOWN)
    assert page.one("#who").get_attribute("aria-activedescendant") == "who-0"
    page.press(Keys.ENTER)
    before = page.settled()
    at = page.tab_to(lambda at: at.startswith("list rate "))
    page.press(Keys.HOME)
    assert page.focus().startswith("list rate 1 "), page.focus()
    page.press(Keys.ARROW_RIGHT, Keys.ENTER)
    page.until(lambda: "You rated" in page.text("#news"), "a rating by keyboard")
    assert page.settled() != before
    page.until(lambda: page.focus().startswith("list "), f"the focus stays in the list after {at}")
    outline = page.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus cannot be seen"
    page.press(Keys.ENTER)
    page.until(lambda: page.focus() == "look-heading" and page.all("#similar .title"), "the item by its title")
    page.tab_to(lambda at: at == "item-close", 6)
    page.press(Keys.ENTER)
    page.until(lambda: page.focus().startswith("list "), "the focus is back in the list")
    page.driver.execute_script("document.querySelector('#who').focus()")
    page.tab_to(lambda at: at.startswith("undo "))
    page.press(Keys.SPACE)
    page.until(lambda: page.titles() == before, "the rating undone by keyboard")
    assert page.focus() != "BODY", "the focus is lost with the button"


def narrow(page, name, width):
    wide = page.driver.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width, f"{name}: {wide} px wide"


def looks(page):
    """Light, dark and a phone, with a rating made, an explanation open and an item looked up."""
    for name, width, height, scheme in (("light", 1360, 1000, "light"), ("dark", 1360, 1000, "dark"),
                                        ("phone", 360, 780, "dark"), ("phone-light", 360, 780, "light")):
        page.look(width, height, scheme, "reduce" if name == "dark" else "no-preference")
        page.open("#user=1&item=50")
        page.settled()
        page.until(lambda: page.all("#similar .title"), "similar items")
        narrow(page, name, width)
        page.rate(1, 0)
        page.one("#list > li summary").click()
        page.until(lambda: page.all("#list .reasons li"), "reasons")
        narrow(page, name, width)
        small = page.driver.execute_script(
            "const small = n => Math.min(n.getBoundingClientRect().height, n.getBoundingClientRect().width) < 24;"
            "return [...document.querySelectorAll('button, input, select, summary')]"
            ".filter(n => n.checkVisibility() && small(n)).map(n => n.outerHTML)")
        assert not small, f"{name}: targets under 24 px: {small[:3]}"
        page.axe(name)
        page.driver.execute_script("scrollTo(0, 0)")
        page.shot(f"{name}.png")
        if name.startswith("phone"):
            page.driver.execute_script("document.querySelector('#list-section').scrollIntoView()")
            page.shot(f"{name}-list.png")
    page.look(1360, 1000)


def unknown(page):
    page.open("#user=nobody%20%3Cb%3E%2F%3F%26")
    page.until(lambda: "no user “nobody <b>/?&”" in page.text("#news"), "an unknown user is told")
    page.open("#user=1&item=none%2Fsuch")
    page.until(lambda: "no item “none/such”" in page.text("#item-card"), "an unknown item is told")


def no_server(page):
    """The server gone, and back: simulated in the browser."""
    page.open("#user=1")
    page.settled()
    offline = lambda on: page.driver.set_network_conditions(offline=on, latency=0, throughput=-1)
    offline(True)
    page.all("#list > li")[0].find_elements(By.CSS_SELECTOR, ".rater button")[0].click()
    page.until(lambda: "does not answer" in page.text("#trouble"), "a sentence that the server does not answer")
    offline(False)
    page.one("#retry").click()
    page.until(lambda: not page.one("#trouble").is_displayed() and page.all("#own-list li"), "the sentence goes")
    page.settled()


def unloaded_model(page):
    tell = lambda what: page.driver.execute_async_script(
        f"fetch('/v2/repository/models/gcmc/{what}', {{method: 'POST'}}).then(arguments[0])")
    tell("unload")
    page.driver.get("about:blank")
    page.driver.get(URL)
    page.until(lambda: page.text("#trouble-text") == "The model gcmc was unloaded.", "a sentence that says so")
    tell("load")
    page.one("#retry").click()
    page.until(lambda: page.one("#columns").is_displayed() and not page.one("#trouble").is_displayed(), "the page is there")


def token(page):
    """A server that asks for a token: simulated in the browser."""
    page.open("#user=1")
    page.settled()
    page.driver.execute_script(
        "const real = fetch; window.asked = 0; window.fetch = (url, given) => {"
        "  ++asked;"
        "  if (new Headers(given.headers).get('Authorization') === 'Bearer secret') return real(url, given);"
        "  return Promise.resolve(new Response('{}', {status: 401}));"
        "};"
        "document.querySelector('#look-form').requestSubmit();")
    page.until(lambda: page.one("#token-form").is_displayed(), "the page asks for a token")
    asked = page.driver.execute_script("return asked")
    page.one("#token").send_keys("schlüssel€", Keys.ENTER)
    assert page.driver.execute_script("return asked") == asked and page.all("#token:invalid"), "it cannot be sent"
    page.shot("token.png")
    page.axe("with a token that cannot be one")
    page.one("#token").clear()
    page.one("#token").send_keys(" secret", Keys.ENTER)
    page.until(lambda: page.one("#columns").is_displayed(), "the page is there with the token")
    assert not page.one("#token-form").is_displayed()
    page.driver.execute_script("sessionStorage.clear()")


def late_answer(page):
    """Two users in a row, the first answered late: the second one's list stays."""
    page.open("#user=2")
    second = page.settled()
    page.open()
    page.driver.execute_script(
        "const real = fetch; window.fetch = async (url, given) => {"
        "  const answer = await real(url, {...given, signal: undefined});"
        "  if ((given?.body ?? '').includes('\"1\"')) await new Promise(done => setTimeout(done, 700));"
        "  return answer;"
        "};"
        "const show = user => {"
        "  document.querySelector('#who').value = user;"
        "  document.querySelector('#who-form').requestSubmit();"
        "};"
        "show('1'); setTimeout(() => show('2'), 300);")
    page.until(lambda: page.titles() == second, "the list of user 2")
    time.sleep(1)
    assert page.titles() == second, "a late answer overwrites a newer one"


def check_logs(driver, expected_failures):
    host = urlsplit(URL).netloc
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            inside = urlsplit(url).netloc == host or url.startswith(("data:", "about:", "chrome:"))
            assert inside, f"a request leaves: {url}"
    lines = [entry["message"] for entry in driver.get_log("browser")]
    bad = [line for line in lines if not any(part in line for part in expected_failures)]
    assert not bad, bad
    broken = driver.execute_script("return window.broken ?? []")
    assert not broken, f"the policy of the page is broken: {broken}"


def main():
    driver = browser()
    page = Page(driver)
    try:
        page.look(1360, 1000)
        for part in (existing_user, explanation, item, newcomer, keyboard, looks, unloaded_model, token, late_answer):
            part(page)
            check_logs(driver, [])
            print(part.__name__, "passes", flush=True)
        for part, failures in ((unknown, ["404"]), (no_server, ["ERR_INTERNET_DISCONNECTED"])):
            part(page)
            check_logs(driver, failures)
            print(part.__name__, "passes", flush=True)
    except BaseException:
        page.shot("failure.png")
        raise
    finally:
        driver.quit()
    print("the page does what it should")


main()
