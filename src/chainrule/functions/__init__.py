"""Verified functions with their derivatives. Needs NumPy only. Generated."""

import sys
from typing import TYPE_CHECKING

from chainrule.runtime.package import Package

if TYPE_CHECKING:
    from .absolute_error import absolute_error as absolute_error
    from .backpropagation_weights import backpropagation_weights as backpropagation_weights
    from .backpropagation_weights_batch import backpropagation_weights_batch as backpropagation_weights_batch
    from .binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
    from .categorical_cross_entropy import categorical_cross_entropy as categorical_cross_entropy
    from .computational_graph import computational_graph as computational_graph
    from .elementwise_sigmoid import elementwise_sigmoid as elementwise_sigmoid
    from .elementwise_softplus import elementwise_softplus as elementwise_softplus
    from .elementwise_tanh import elementwise_tanh as elementwise_tanh
    from .elu import elu as elu
    from .gelu import gelu as gelu
    from .hinge import hinge as hinge
    from .huber import huber as huber
    from .kl_divergence import kl_divergence as kl_divergence
    from .l2_penalty import l2_penalty as l2_penalty
    from .label_smoothing_cross_entropy import label_smoothing_cross_entropy as label_smoothing_cross_entropy
    from .layer_norm import layer_norm as layer_norm
    from .leaky_relu import leaky_relu as leaky_relu
    from .linear import linear as linear
    from .linear_batch import linear_batch as linear_batch
    from .log_cosh import log_cosh as log_cosh
    from .log_softmax import log_softmax as log_softmax
    from .logsumexp import logsumexp as logsumexp
    from .mean_squared_error import mean_squared_error as mean_squared_error
    from .mean_squared_error_batch import mean_squared_error_batch as mean_squared_error_batch
    from .prelu import prelu as prelu
    from .relu import relu as relu
    from .ridge_loss import ridge_loss as ridge_loss
    from .scaled_dot_product_attention import scaled_dot_product_attention as scaled_dot_product_attention
    from .sigmoid import sigmoid as sigmoid
    from .sigmoid_binary_cross_entropy import sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy
    from .sigmoid_squared_error import sigmoid_squared_error as sigmoid_squared_error
    from .silu import silu as silu
    from .softmax import softmax as softmax
    from .softmax_cross_entropy import softmax_cross_entropy as softmax_cross_entropy
    from .softmax_cross_entropy_general import softmax_cross_entropy_general as softmax_cross_entropy_general
    from .softmax_cross_entropy_index import softmax_cross_entropy_index as softmax_cross_entropy_index
    from .softmin import softmin as softmin
    from .softplus import softplus as softplus
    from .sparse_categorical_cross_entropy import sparse_categorical_cross_entropy as sparse_categorical_cross_entropy
    from .squared_error import squared_error as squared_error
    from .tanh import tanh as tanh

__all__ = (
    "absolute_error",
    "backpropagation_weights",
    "backpropagation_weights_batch",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "computational_graph",
    "elementwise_sigmoid",
    "elementwise_softplus",
    "elementwise_tanh",
    "elu",
    "gelu",
    "hinge",
    "huber",
    "kl_divergence",
    "l2_penalty",
    "label_smoothing_cross_entropy",
    "layer_norm",
    "leaky_relu",
    "linear",
    "linear_batch",
    "log_cosh",
    "log_softmax",
    "logsumexp",
    "mean_squared_error",
    "mean_squared_error_batch",
    "prelu",
    "relu",
    "ridge_loss",
    "scaled_dot_product_attention",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "sigmoid_squared_error",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_general",
    "softmax_cross_entropy_index",
    "softmin",
    "softplus",
    "sparse_categorical_cross_entropy",
    "squared_error",
    "tanh",
)

sys.modules[__name__].__class__ = Package  # loads a function when it is first used
