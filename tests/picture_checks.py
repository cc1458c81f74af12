"""What tests ask of pictures."""

from matplotlib.figure import Figure
from matplotlib.text import Text

from nnrep.records.style import PAGE, SMALL


def texts_of(figure: Figure) -> list[str]:
    """All texts that are seen."""
    figure.draw_without_rendering()  # after which there are numbers along the axes
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def check_letters(figure: Figure) -> None:
    """Letters are of 8 points or more on a page, and none are cut off at its edges."""
    figure.draw_without_rendering()
    assert figure.get_figwidth() <= PAGE
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            assert text.get_fontsize() >= SMALL >= 8, text
    of_axes = [
        text
        for axes in figure.axes
        for text in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]
    for text in (*figure.texts, *of_axes):
        _check_inside(figure, text)


def _check_inside(figure: Figure, text: Text) -> None:
    box = text.get_window_extent()
    assert box.x0 >= 0, text
    assert box.y0 >= 0, text
    assert box.x1 <= figure.bbox.x1, text
    assert box.y1 <= figure.bbox.y1, text
