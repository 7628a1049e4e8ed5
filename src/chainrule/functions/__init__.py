"""Verified functions with their derivatives. Needs NumPy only. Generated."""

from .absolute_error import absolute_error as absolute_error
from .binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
from .elu import elu as elu
from .gelu import gelu as gelu
from .hinge import hinge as hinge
from .huber import huber as huber
from .leaky_relu import leaky_relu as leaky_relu
from .log_cosh import log_cosh as log_cosh
from .prelu import prelu as prelu
from .relu import relu as relu
from .sigmoid import sigmoid as sigmoid
from .sigmoid_binary_cross_entropy import sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy
from .sigmoid_squared_error import sigmoid_squared_error as sigmoid_squared_error
from .silu import silu as silu
from .softmax import softmax as softmax
from .softmax_cross_entropy import softmax_cross_entropy as softmax_cross_entropy
from .softplus import softplus as softplus
from .squared_error import squared_error as squared_error
from .tanh import tanh as tanh
