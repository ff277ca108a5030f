"""Pictures of sections, predictions, domains, proportions and benchmarks.

Every function returns a matplotlib figure, touches no global state and changes no
object. Names are drawn as they are: a gene may be called anything.
"""

from histobridge.plotting.proportions import plot_proportions
from histobridge.plotting.scores import plot_benchmark, plot_leakage
from histobridge.plotting.sections import plot_sections
from histobridge.plotting.spots import plot_domains, plot_expression_pair, plot_spots
from histobridge.plotting.style import MISSING, PALETTE, new_figure
from histobridge.plotting.viewer import view_section

__all__ = [
    "MISSING",
    "PALETTE",
    "new_figure",
    "plot_benchmark",
    "plot_domains",
    "plot_expression_pair",
    "plot_leakage",
    "plot_proportions",
    "plot_sections",
    "plot_spots",
    "view_section",
]
