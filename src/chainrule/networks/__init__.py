"""Networks of dense layers: their equations derived by the engine, their NumPy code generated from them."""

from .equations import Equations as Equations
from .equations import Line as Line
from .equations import equations as equations
from .network import Network as Network
from .network import mlp as mlp
from .training import History as History
from .training import train as train
