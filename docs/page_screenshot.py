"""Makes a picture of the server's page, after it asked one of the model's examples.

    python main.py --mode=serve --model_dir=runs/sort_of_clevr/export &
    python docs/page_screenshot.py --address=http://localhost:8501 --output=docs/images/page.png

Needs playwright (requirements-dev.txt) and Chromium or Chrome: `apt install chromium`.
"""

import argparse
import sys

from playwright.sync_api import Error, sync_playwright
from screenshot import find_browser, read_png, save  # of this folder


def take_screenshot(address, output, example=0, question=0, at=1.0, size=(1120, 700)):
    """Writes a PNG file of the page and an answer.

    Args:
      address: of a running server.
      output: path of the PNG file.
      example: number of the model's example image.
      question: number of the question among those that the page suggests about it.
      at: where the slider stands: 0 image, 1 mask, 2 presence.
      size: (width, height) of the window; what is below it is on the picture, too.

    Raises:
      SystemExit: says what is missing.
    """
    browser = find_browser()
    with sync_playwright() as driver, driver.chromium.launch(executable_path=browser) as window:
        page = window.new_page(
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
        )
        page.set_default_timeout(10_000)
        try:
            page.goto(address)
            page.locator(".thumb").nth(example).click()
            page.locator("#questions button").nth(question).click()
            page.wait_for_selector("#reply:not([hidden])")
        except Error as error:
            sys.exit(
                f"The page gave no answer. Received from {address}: {error.message} Expected a "
                "server (--mode=serve) with a model that has examples; give its --address."
            )
        page.eval_on_selector(
            "#slider", "(s, at) => { s.value = at; s.dispatchEvent(new Event('input')); }", at
        )
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(0, 0)
        png = page.screenshot(full_page=True, animations="disabled")
    save(read_png(png), output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="http://localhost:8501", help="of the server")
    parser.add_argument("--output", required=True, help="path of the PNG file")
    parser.add_argument("--example", type=int, default=0, help="number of the example image")
    parser.add_argument("--question", type=int, default=0, help="number of the suggestion")
    parser.add_argument("--at", type=float, default=1.0, help="0 image, 1 mask, 2 presence")
    parser.add_argument("--width", type=int, default=1120, help="of the window, in pixels")
    parser.add_argument("--height", type=int, default=700)
    flags = parser.parse_args()
    take_screenshot(
        flags.address,
        flags.output,
        flags.example,
        flags.question,
        flags.at,
        (flags.width, flags.height),
    )
    print(f"Wrote {flags.output}.")


if __name__ == "__main__":
    main()
