"""The report at many records: seconds to make the page, its size, and what a browser needs.

Records are made up (``bnnbench.testing.records``): ten methods, ten seeds, problems as many as that
takes. Seconds to the first chart, to all charts and to the table of all records count from the
start of loading, in a headless Chromium with the network off (package playwright; the browser is
found as in the tests). Base case: nothing is cached, the page is opened once::

    python benchmarks/report.py --records 10000 100000
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from bnnbench.report import collect, write_page
from bnnbench.store import Store
from bnnbench.testing.records import made_up_store


def opened(page: Path) -> dict[str, float]:
    """Seconds to the first chart, to all charts and to the table of records."""
    from playwright.sync_api import sync_playwright

    browser = os.environ.get("BNNBENCH_BROWSER") or shutil.which("chromium")
    browser = browser or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = started.new_context(offline=True).new_page()
        tab.goto(page.as_uri())
        tab.wait_for_function("bnnbenchTimes.all && bnnbenchTimes.records", timeout=120_000)
        found: dict[str, float] = tab.evaluate("bnnbenchTimes")
        started.close()
    return {name: value / 1000 for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, nargs="+", default=[10_000])
    options = parser.parse_args()
    heads = ("records", "read s", "page s", "MB", "first s", "all s", "table s")
    print(" ".join(f"{head:>8}" for head in heads))
    for count in options.records:
        with tempfile.TemporaryDirectory() as folder:
            path = made_up_store(Path(folder) / "made-up.bnnbench", count)
            start = time.perf_counter()
            with Store(path) as store:
                runs = collect(store)
            read = time.perf_counter() - start
            page = write_page(runs, path.with_suffix(".html"), path)
            made = time.perf_counter() - start - read
            seen = opened(page)
            size = page.stat().st_size / 1e6
            print(
                f"{len(runs.runs):>8} {read:>8.1f} {made:>8.1f} {size:>8.1f}"
                f" {seen['first']:>8.2f} {seen['all']:>8.2f} {seen['records']:>8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
