"""The report in a browser: what its scripts draw, and that they ask for nothing."""

import json
import re

import pandas as pd
import pytest
from browser import needs_chromium, shown
from structure_texts import text

from nnrep.records.report.runs import write_report

pytestmark = [needs_chromium, pytest.mark.slow]

# Written into the page when all is drawn: of each canvas the share of its pixels that are not white, of
# structures as they are and after each of the controls was used, and what was fetched.
PROBE = """<script>
function coloured(canvas) {
  const { width, height } = canvas;
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  let count = 0;
  for (let k = 0; k < pixels.length; k += 4) {
    if (pixels[k + 3] > 0 && Math.min(pixels[k], pixels[k + 1], pixels[k + 2]) < 230) count += 1;
  }
  return count / (pixels.length / 4);
}
function set(control, value) {
  control.value = value;
  control.dispatchEvent(new Event(control.type === "range" ? "input" : "change"));
}
setTimeout(() => {
  const found = {};
  for (const id of ["energy", "rmsd", "viewer"]) {
    const canvas = document.querySelector(`#${id} canvas`);
    if (canvas) found[id] = coloured(canvas);
  }
  const canvas = document.querySelector("#viewer canvas");
  if (canvas) {
    const drawn = () => coloured(canvas);
    const slider = document.querySelector("#viewer input[type=range]");
    if (slider) { set(slider, 0); found.first = drawn(); found.label = slider.nextSibling.textContent; }
    const styles = [...document.querySelectorAll("#viewer select")].at(-1);
    found.styles = [...styles.options].map((option) => { set(styles, option.value); return drawn(); });
    for (const box of document.querySelectorAll("#viewer input[type=checkbox]")) if (box.checked) box.click();
    found.hidden = drawn();
  }
  found.fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  found.pictures = document.getElementById("pictures")?.open ?? null;
  const output = Object.assign(document.createElement("output"), { id: "probe" });
  output.textContent = JSON.stringify(found);
  document.body.append(output);
}, 500);
</script></body>"""


def probed(folder, tmp_path, *flags):
    """The page of a folder in the browser, and what the probe found."""
    path = write_report(folder)
    page = tmp_path / "probed.html"
    page.write_text(path.read_text(encoding="utf-8").replace("</body>", PROBE), encoding="utf-8")
    seen = shown(page, tmp_path / "profile", *flags)
    assert seen.console == []
    (found,) = re.findall(r'<output id="probe">(.*?)</output>', seen.dom)
    found = json.loads(found)
    assert found["fetched"] == []
    return seen.dom, found


def has_numbers_of(dom, folder):
    rows = pd.read_csv(folder / "runs.csv")
    for energy in rows["energy"]:
        assert re.search(rf"<td>{re.escape(f'{energy:.6g}'[:6])}", dom)
    return rows


def test_a_protein_is_drawn_with_curves_and_a_trajectory(command, tmp_path):
    (tmp_path / "six.pdb").write_text(text(residues=6))
    options = ("system=protein", "system.pdb=six.pdb", "system.start=perturbed", "reparam=none", "seeds=2")
    done = command("run", *options, "max_steps=80", "record.every=40", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    dom, found = probed(tmp_path / "run", tmp_path)
    assert has_numbers_of(dom, tmp_path / "run")["rmsd_ca"].notna().all()
    assert found["energy"] > 0.005
    assert found["rmsd"] > 0.005
    assert found["viewer"] > 0.01
    assert found["label"] == "start"
    assert abs(found["first"] - found["viewer"]) > 1e-4  # the start is another structure than the end
    assert len(found["styles"]) == 3
    assert all(share > 0.005 for share in found["styles"])
    assert len({round(share, 5) for share in found["styles"]}) == 3
    assert found["hidden"] == 0
    assert found["pictures"] is False  # closed, as there is the viewer


def test_a_loop_is_a_tube(command, tmp_path):
    done = command("run", "system.n=40", "max_steps=80", "record.every=40", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    dom, found = probed(tmp_path / "run", tmp_path)
    has_numbers_of(dom, tmp_path / "run")
    assert found["energy"] > 0.005
    assert "rmsd" not in found
    assert found["viewer"] > 0.01
    assert len(found["styles"]) == 2
    assert found["hidden"] == 0


def test_a_cluster_is_balls_that_nothing_joins(command, tmp_path):
    options = ("system=cluster", "system.n=13", "reparam=none", "optimizer=lbfgs", "seeds=1")
    done = command("run", *options, "max_steps=300", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    dom, found = probed(tmp_path / "run", tmp_path)
    has_numbers_of(dom, tmp_path / "run")
    assert found["viewer"] > 0.01
    assert re.findall(r"<option[^>]*>(tube|balls|atoms)<", dom) == ["balls"]
    assert found["hidden"] == 0


def test_without_webgl_the_pictures_are_shown(command, tmp_path):
    done = command("run", "system.n=40", "max_steps=40", "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    dom, found = probed(tmp_path / "run", tmp_path, "--disable-3d-apis")
    assert "This browser has no WebGL" in dom
    assert "viewer" not in found
    assert found["energy"] > 0.005
    assert found["pictures"] is True
    assert dom.count("data:image/png;base64,") >= 2
