"""The pictures of a run."""

import pandas as pd
from matplotlib.figure import Figure

import nnrep
from nnrep.records.pictures import draw_energy


def test_every_stage_of_a_list_is_drawn_in_a_color_of_its_own(tmp_path, monkeypatch):
    stages = ["coarse", "spectral", "free", "fine"]
    rows = [(seed, stage, 1.0 + place, -1.0) for seed in (0, 1) for place, stage in enumerate(stages)]
    history = pd.DataFrame(rows, columns=["seed", "stage", "time_s", "energy"])
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    draw_energy(tmp_path / "energy.png", history, nnrep.load_system("loop", n=20))
    (axes,) = drawn[0].axes
    lines = {line.get_label(): line.get_color() for line in axes.get_lines()}
    colors = [lines[f"{stage} stage"] for stage in stages]
    assert len(set(colors)) == len(stages)
    assert sum(line.get_marker() == "o" for line in axes.get_lines()) == 2 * len(stages)
