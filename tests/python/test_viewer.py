"""The page of one section, used in a browser as a person would."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from dotted import dotted_section

import histobridge as hb

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)
EVIL = '<script>alert("x")</script>'

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")


@pytest.fixture
def section():
    adata = dotted_section()
    adata.var_names = [EVIL, "Penk", *adata.var_names[2:]]
    adata.X[:, 1] = np.where(np.arange(24) < 3, 50, 0)
    adata.obs["layer"] = pd.Categorical(["out", EVIL] * 12)
    shares = np.tile([1.0, 0.0], (24, 1))
    adata.obsm["proportions"] = pd.DataFrame(
        shares, index=adata.obs_names, columns=["A", EVIL]
    )
    adata.obs_names = [EVIL, *adata.obs_names[1:]]
    return adata


class Tags(HTMLParser):
    """Counts tags and keeps their attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def content(path):
    text = path.read_text()
    inside = re.search(r'id="content">(.*?)</script>', text, re.DOTALL).group(1)
    return json.loads(inside)


def browse(path, steps, *options):
    """Run ``steps`` in the page after it has loaded; what they return."""
    driver = f"""<script>
    const at = ([x, y]) => {{
      const ratio = window.devicePixelRatio || 1;
      return [...pen.getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3);
    }};
    const send = (kind, [x, y], target = canvas) => {{
      const box = canvas.getBoundingClientRect();
      target.dispatchEvent(new PointerEvent(kind, {{
        bubbles: true, clientX: x + box.left, clientY: y + box.top}}));
    }};
    const type = (text) => {{
      part("search").value = text;
      part("search").dispatchEvent(new Event("input"));
      draw();
    }};
    const errors = [];
    window.onerror = (message) => errors.push(message);
    window.addEventListener("load", () => setTimeout(() => {{
      const found = (() => {{ {steps} }})();
      const out = document.createElement("pre");
      out.id = "out";
      out.textContent = encodeURIComponent(JSON.stringify({{found, errors}}));
      document.body.append(out);
    }}, 300));
    </script></body>"""
    driven = path.with_name("driven.html")
    driven.write_text(path.read_text().replace("</body>", driver))
    dom = run(driven, "--dump-dom", *options)
    from urllib.parse import unquote

    out = re.search(r'<pre id="out">(.*?)</pre>', dom, re.DOTALL)
    assert out, dom[-500:]
    result = json.loads(unquote(out.group(1)))
    assert result["errors"] == []
    return result["found"]


def run(path, *options):
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=900,600",
        "--virtual-time-budget=3000",
        f"--user-data-dir={path.parent / 'profile'}",
        *options,
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_page_asks_no_network_and_holds_names_as_text(tmp_path, section):
    path = tmp_path / "page.html"
    section.obs["sample_id"] = EVIL
    section.uns["spatial"] = {EVIL: section.uns["spatial"]["S1"]}
    assert hb.view_section(section, path) == str(path)
    text = path.read_text()
    assert EVIL not in text
    tags = Tags()
    tags.feed(text)
    assert sum(tag == "script" for tag, _ in tags.found) == 2
    for _, attributes in tags.found:
        assert not {"src", "href"} & set(attributes)
    assert not re.search(r"https?://", text)
    held = content(path)
    assert held["section"] == held["spots"][0] == EVIL
    assert EVIL in [gene["name"] for gene in held["genes"]]
    assert held["image"]["width"] == pytest.approx(720)


def test_genes_by_name_or_by_number_and_refusals(tmp_path, section):
    path = tmp_path / "page.html"
    hb.view_section(section, path, genes=["Penk", "gene5"])
    assert [g["name"] for g in content(path)["genes"]] == ["Penk", "gene5"]
    hb.view_section(section, path, genes=4)
    assert len(content(path)["genes"]) == 4
    with pytest.raises(hb.ContractError, match="gene5"):
        hb.view_section(section, path, genes=["nothing"])
    with pytest.raises(hb.ContractError, match="available: S1"):
        hb.view_section(section, path, "S2")
    with pytest.raises(hb.ContractError, match="true_proportions"):
        hb.view_section(section, path, proportions="true_proportions")


def test_the_image_is_no_larger_than_asked(tmp_path, section):
    import base64
    import io

    from PIL import Image

    path = tmp_path / "page.html"
    hb.view_section(section, path, image_pixels=100)
    held = content(path)["image"]
    picture = Image.open(io.BytesIO(base64.b64decode(held["data"])))
    assert max(picture.size) <= 100
    assert held["width"] == pytest.approx(picture.width * 360 / 90 / 0.5)


@needs_browser
def test_in_a_browser_layers_search_and_lasso_work(tmp_path, section):
    path = tmp_path / "page.html"
    hb.view_section(section, path)
    planted = [0, 7, 9]
    corners = [section.obsm["spatial"][i].tolist() for i in planted]
    steps = f"""
      const points = data.points.map(toPage), seen = {{}};
      part("labels").checked = false; draw();
      seen.dots = points.map(at);
      part("labels").checked = true; draw();
      seen.labels = points.map(at);
      part("labels").checked = false; type("penk");
      seen.gene = points.map(at);
      type("no such gene");
      seen.nothing = points.map(at);
      seen.told = part("range").textContent;
      part("proportions").checked = true; draw();
      seen.pies = points.map(([x, y]) => at([x + data.radius * state.scale / 2, y]));
      part("mode").click();
      // A path that visits three spots by circles and returns by the same way.
      const path = [];
      for (const [x, y] of {corners}.map(toPage)) {{
        for (let k = 0; k <= 12; k++) {{
          const turn = k / 12 * 2 * Math.PI;
          path.push([x + 3 * Math.cos(turn), y + 3 * Math.sin(turn)]);
        }}
      }}
      const back = {corners}.map(toPage).reverse().map(([x, y]) => [x + 3, y]);
      const whole = path.concat(back);
      send("pointerdown", whole[0]);
      whole.forEach((p) => send("pointermove", p));
      send("pointerup", whole[0], window);
      seen.selected = part("selected").value.split("\\n");
      seen.count = part("count").textContent;
      seen.options = [...part("names").children].map((o) => o.value);
      seen.levels = part("levels").textContent;
      return seen;
    """
    seen = browse(path, steps)
    black, blue = np.array(seen["dots"]), np.array(seen["labels"])
    assert (black < 90).all()
    assert blue[::2].tolist() != blue[1::2].tolist()
    assert len({tuple(c) for c in seen["labels"]}) == 2
    gene = {tuple(c) for c in seen["gene"][:3]}, {tuple(c) for c in seen["gene"][3:]}
    assert not gene[0] & gene[1]
    assert seen["nothing"] == seen["dots"]
    assert "no such gene" in seen["told"]
    assert {tuple(c) for c in seen["pies"]} == {(0, 114, 178)}
    assert sorted(seen["selected"]) == sorted(section.obs_names[planted])
    assert seen["count"] == "3"
    assert EVIL in seen["options"]
    assert EVIL in seen["levels"]


@needs_browser
def test_the_lasso_follows_zoom_and_thousands_of_spots(tmp_path):
    adata = dotted_section(1)
    side = 70
    grid = np.stack(np.meshgrid(range(side), range(side)), axis=-1).reshape(-1, 2)
    many = adata[np.zeros(side**2, dtype=int)].copy()
    many.obs_names = [f"s{x}x{y}" for x, y in grid]
    many.obsm["spatial"] = grid * 8.0 + 4
    many.obs["half"] = pd.Categorical(np.where(grid[:, 0] < 35, "left", "right"))
    path = tmp_path / "page.html"
    hb.view_section(many, path)
    wanted = [[10, 10], [12, 13]]
    corners = np.array([[9.6, 9.6], [12.4, 9.6], [12.4, 13.4], [9.6, 13.4]]) * 8 + 4
    steps = f"""
      canvas.dispatchEvent(new WheelEvent("wheel", {{deltaY: -300, clientX: 100,
        clientY: 90, bubbles: true, cancelable: true}}));
      draw();
      part("mode").click();
      const path = {corners.tolist()}.map(toPage);
      send("pointerdown", path[0]);
      path.forEach((p) => send("pointermove", p));
      send("pointerup", path[0], window);
      return part("selected").value.split("\\n");
    """
    found = set(browse(path, steps))
    (x0, y0), (x1, y1) = wanted
    expected = {f"s{x}x{y}" for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)}
    assert found == expected


@needs_browser
def test_a_screenshot_shows_the_tissue(tmp_path):
    from PIL import Image

    path = tmp_path / "page.html"
    hb.view_section(hb.data.example_bulb(), path, "Rep9", genes=5)
    shot = tmp_path / "shot.png"
    run(path, f"--screenshot={shot}")
    picture = np.asarray(Image.open(shot).convert("RGB")).reshape(-1, 3)
    assert (np.abs(picture - [0, 114, 178]).max(axis=1) < 6).sum() > 500
