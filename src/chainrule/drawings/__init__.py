"""A computational graph as a picture, SVG or TikZ, and as tables; a network as a picture; how the number of operations grows, as a plot."""

from .growth import draw_growth as draw_growth
from .growth import growth_figure as growth_figure
from .layout import picture as picture
from .network import network_picture as network_picture
from .network_svg import network_svg as network_svg
from .network_tikz import network_tikz as network_tikz
from .network_tikz import network_tikz_document as network_tikz_document
from .svg import svg as svg
from .tables import edge_rows as edge_rows
from .tables import node_rows as node_rows
from .tikz import tikz as tikz
from .tikz import tikz_document as tikz_document
