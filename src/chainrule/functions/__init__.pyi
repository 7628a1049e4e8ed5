"""The signatures of the functions, for editors and type checkers. Generated."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.runtime.scalar import ScalarFunction
from chainrule.runtime.vector import VectorFunction

Out = NDArray[np.floating[Any]] | None
Outs = tuple[Out, Out] | None
Reduction = Literal["none", "sum", "mean"]

class _AbsoluteError(ScalarFunction):
    """Absolute error: the distance to the target."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

absolute_error: _AbsoluteError

class _BackpropagationWeights(VectorFunction):
    """Backpropagation to weights and biases: the gradients that a layer is trained with, from its error."""

    def __call__(self, W__l: ArrayLike, b__l: ArrayLike, a__l_minus_1: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, W__l: ArrayLike, b__l: ArrayLike, a__l_minus_1: ArrayLike, *, wrt: Literal["W__l", "b__l"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, W__l: ArrayLike, b__l: ArrayLike, a__l_minus_1: ArrayLike, g: ArrayLike, *, wrt: Literal["W__l", "b__l"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, W__l: ArrayLike, b__l: ArrayLike, a__l_minus_1: ArrayLike, v: ArrayLike, *, wrt: Literal["W__l", "b__l"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

backpropagation_weights: _BackpropagationWeights

class _BackpropagationWeightsBatch(VectorFunction):
    """Backpropagation to weights and biases for a batch: summed over the samples, with an L2 penalty that leaves the     biases out."""

    def __call__(self, W: ArrayLike, b: ArrayLike, A: ArrayLike, error: ArrayLike, *, decay: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, W: ArrayLike, b: ArrayLike, A: ArrayLike, error: ArrayLike, *, wrt: Literal["W", "b"] | None = None, decay: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, W: ArrayLike, b: ArrayLike, A: ArrayLike, error: ArrayLike, *, wrt: Literal["W", "b"] | None = None, decay: ArrayLike = 0.01, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, W: ArrayLike, b: ArrayLike, A: ArrayLike, error: ArrayLike, g: ArrayLike, *, wrt: Literal["W", "b"] | None = None, decay: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, W: ArrayLike, b: ArrayLike, A: ArrayLike, error: ArrayLike, v: ArrayLike, *, wrt: Literal["W", "b"] | None = None, decay: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]

backpropagation_weights_batch: _BackpropagationWeightsBatch

class _BinaryCrossEntropy(ScalarFunction):
    """Binary cross-entropy: how surprised a predicted probability is by a label."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

binary_cross_entropy: _BinaryCrossEntropy

class _CategoricalCrossEntropy(VectorFunction):
    """Cross-entropy of probabilities: the cost of predicting p where the target is y."""

    def __call__(self, probabilities: ArrayLike, target: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, probabilities: ArrayLike, target: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, probabilities: ArrayLike, target: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, probabilities: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, probabilities: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, probabilities: ArrayLike, target: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, probabilities: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

categorical_cross_entropy: _CategoricalCrossEntropy

class _ComputationalGraph(ScalarFunction):
    """Computational graph: the smallest example in which a derivative is a sum over two paths."""

    def __call__(self, a: ArrayLike, b: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, a: ArrayLike, b: ArrayLike, *, wrt: Literal["a", "b"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, a: ArrayLike, b: ArrayLike, *, wrt: Literal["a", "b"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, a: ArrayLike, b: ArrayLike, *, wrt: Literal["a", "b"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, a: ArrayLike, b: ArrayLike, g: ArrayLike, *, wrt: Literal["a", "b"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, a: ArrayLike, b: ArrayLike, v: ArrayLike, *, wrt: Literal["a", "b"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, a: ArrayLike, b: ArrayLike, *, wrt: Literal["a"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, a: ArrayLike, b: ArrayLike, v: ArrayLike, *, wrt: Literal["a"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

computational_graph: _ComputationalGraph

class _ElementwiseSigmoid(VectorFunction):
    """Sigmoid of a vector: every component is turned into a probability by itself."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

elementwise_sigmoid: _ElementwiseSigmoid

class _ElementwiseSoftplus(VectorFunction):
    """Softplus of a vector: every component is made positive by itself."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

elementwise_softplus: _ElementwiseSoftplus

class _ElementwiseTanh(VectorFunction):
    """Hyperbolic tangent of a vector: every component is squashed into (-1, 1) by itself."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

elementwise_tanh: _ElementwiseTanh

class _Elu(ScalarFunction):
    """ELU, the exponential linear unit: the identity on the right, an exponential that levels off on the left."""

    def __call__(self, x: ArrayLike, *, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x", "alpha"] | None = None, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x", "alpha"] | None = None, alpha: ArrayLike = 1.0, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x", "alpha"] | None = None, alpha: ArrayLike = 1.0) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x", "alpha"] | None = None, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x", "alpha"] | None = None, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, alpha: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]

elu: _Elu

class _Gelu(ScalarFunction):
    """GELU, the Gaussian error linear unit: x times the probability that a standard normal variable is below x."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

gelu: _Gelu

class _Hinge(ScalarFunction):
    """Hinge loss: a margin, and no penalty beyond it."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

hinge: _Hinge

class _Huber(ScalarFunction):
    """Huber loss: squared error near the target, absolute error away from it."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, delta: ArrayLike = 1.0, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, delta: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]

huber: _Huber

class _KlDivergence(VectorFunction):
    """Kullback-Leibler divergence: how far the distribution q is from the target p, in nats."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction", "target"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction", "target"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction", "target"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction", "target"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

kl_divergence: _KlDivergence

class _L2Penalty(VectorFunction):
    """L2 penalty, or weight decay: half the squared length of the weights."""

    def __call__(self, weights: ArrayLike, *, decay: ArrayLike = 1.0, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, weights: ArrayLike, *, wrt: Literal["weights", "decay"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, weights: ArrayLike, *, wrt: Literal["weights", "decay"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, weights: ArrayLike, g: ArrayLike, *, wrt: Literal["weights", "decay"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, weights: ArrayLike, v: ArrayLike, *, wrt: Literal["weights", "decay"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, weights: ArrayLike, *, wrt: Literal["weights"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, weights: ArrayLike, v: ArrayLike, *, wrt: Literal["weights"] | None = None, decay: ArrayLike = 1.0, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

l2_penalty: _L2Penalty

class _LabelSmoothingCrossEntropy(VectorFunction):
    """Cross-entropy after softmax with label smoothing: a little of the target is shared among all classes."""

    def __call__(self, logits: ArrayLike, target: ArrayLike, *, epsilon: ArrayLike = 0.1, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, logits: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, epsilon: ArrayLike = 0.1, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

label_smoothing_cross_entropy: _LabelSmoothingCrossEntropy

class _LayerNorm(VectorFunction):
    """Layer normalisation: the components of one sample, centred, scaled to unit variance, and given a new gain and shift."""

    def __call__(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, *, epsilon: ArrayLike = 1e-05, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, *, wrt: Literal["x", "gamma", "beta"] | None = None, epsilon: ArrayLike = 1e-05, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, g: ArrayLike, *, wrt: Literal["x", "gamma", "beta"] | None = None, epsilon: ArrayLike = 1e-05, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, v: ArrayLike, *, wrt: Literal["x", "gamma", "beta"] | None = None, epsilon: ArrayLike = 1e-05, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

layer_norm: _LayerNorm

class _LeakyRelu(ScalarFunction):
    """Leaky ReLU: a ReLU with a small slope for negative values."""

    def __call__(self, x: ArrayLike, *, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, negative_slope: ArrayLike = 0.01, out: Out = None) -> Any: ...  # type: ignore[override]

leaky_relu: _LeakyRelu

class _Linear(VectorFunction):
    """Linear layer, one sample: a matrix times a vector, plus a bias."""

    def __call__(self, W: ArrayLike, b: ArrayLike, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, W: ArrayLike, b: ArrayLike, x: ArrayLike, *, wrt: Literal["W", "b", "x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, W: ArrayLike, b: ArrayLike, x: ArrayLike, g: ArrayLike, *, wrt: Literal["W", "b", "x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, W: ArrayLike, b: ArrayLike, x: ArrayLike, v: ArrayLike, *, wrt: Literal["W", "b", "x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

linear: _Linear

class _LinearBatch(VectorFunction):
    """Linear layer, a batch: one matrix product for all samples, in rows."""

    def __call__(self, W: ArrayLike, b: ArrayLike, X: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, W: ArrayLike, b: ArrayLike, X: ArrayLike, *, wrt: Literal["W", "b", "X"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, W: ArrayLike, b: ArrayLike, X: ArrayLike, g: ArrayLike, *, wrt: Literal["W", "b", "X"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, W: ArrayLike, b: ArrayLike, X: ArrayLike, v: ArrayLike, *, wrt: Literal["W", "b", "X"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

linear_batch: _LinearBatch

class _LogCosh(ScalarFunction):
    """Log-cosh loss: a smooth relative of the Huber loss."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

log_cosh: _LogCosh

class _LogSoftmax(VectorFunction):
    """Log-softmax: a vector of scores turned into log-probabilities."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

log_softmax: _LogSoftmax

class _Logsumexp(VectorFunction):
    """LogSumExp: the logarithm of a sum of exponentials, a smooth maximum."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

logsumexp: _Logsumexp

class _MeanSquaredError(VectorFunction):
    """Mean squared error: the average of the squared errors of a vector of predictions."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

mean_squared_error: _MeanSquaredError

class _MeanSquaredErrorBatch(VectorFunction):
    """Mean squared error over a batch: the average over all samples and all components."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

mean_squared_error_batch: _MeanSquaredErrorBatch

class _Prelu(ScalarFunction):
    """PReLU, the parametric ReLU: a leaky ReLU whose slope is learned."""

    def __call__(self, x: ArrayLike, *, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x", "a"] | None = None, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x", "a"] | None = None, a: ArrayLike = 0.25, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x", "a"] | None = None, a: ArrayLike = 0.25) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x", "a"] | None = None, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x", "a"] | None = None, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, a: ArrayLike = 0.25, out: Out = None) -> Any: ...  # type: ignore[override]

prelu: _Prelu

class _Relu(ScalarFunction):
    """ReLU, the rectified linear unit: positive values pass, negative ones do not."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

relu: _Relu

class _RidgeLoss(VectorFunction):
    """Ridge loss: mean squared error of a linear model with a penalty on the length of its weights."""

    def __call__(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, *, decay: ArrayLike = 1.0, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, *, wrt: Literal["weights", "bias"] | None = None, decay: ArrayLike = 1.0, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, *, wrt: Literal["weights", "bias"] | None = None, decay: ArrayLike = 1.0, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["weights", "bias"] | None = None, decay: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["weights", "bias"] | None = None, decay: ArrayLike = 1.0, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, *, wrt: Literal["weights"] | None = None, decay: ArrayLike = 1.0, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, weights: ArrayLike, bias: ArrayLike, data: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["weights"] | None = None, decay: ArrayLike = 1.0, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

ridge_loss: _RidgeLoss

class _ScaledDotProductAttention(VectorFunction):
    """Scaled dot-product attention: every query takes a weighted mean of the values, weighted by how well the keys match."""

    def __call__(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike, *, wrt: Literal["Q", "K", "V"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike, g: ArrayLike, *, wrt: Literal["Q", "K", "V"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike, v: ArrayLike, *, wrt: Literal["Q", "K", "V"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

scaled_dot_product_attention: _ScaledDotProductAttention

class _Sigmoid(ScalarFunction):
    """Sigmoid, the logistic function: a score turned into a probability."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

sigmoid: _Sigmoid

class _SigmoidBinaryCrossEntropy(ScalarFunction):
    """Binary cross-entropy of a sigmoid: the loss of a binary classifier, from its logit."""

    def __call__(self, logit: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, logit: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logit: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logit: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

sigmoid_binary_cross_entropy: _SigmoidBinaryCrossEntropy

class _SigmoidSquaredError(ScalarFunction):
    """Squared error after a sigmoid: the delta rule of a single neuron."""

    def __call__(self, logit: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, logit: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logit: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, logit: ArrayLike, target: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logit: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logit"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

sigmoid_squared_error: _SigmoidSquaredError

class _Silu(ScalarFunction):
    """SiLU, also called Swish: x gated by its own sigmoid."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

silu: _Silu

class _Softmax(VectorFunction):
    """Softmax: a vector of scores turned into probabilities."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

softmax: _Softmax

class _SoftmaxCrossEntropy(VectorFunction):
    """Cross-entropy after softmax: the loss of a classifier with K classes, from its logits."""

    def __call__(self, logits: ArrayLike, target: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, logits: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

softmax_cross_entropy: _SoftmaxCrossEntropy

class _SoftmaxCrossEntropyGeneral(VectorFunction):
    """Cross-entropy after softmax with any target: weights that need not sum to 1."""

    def __call__(self, logits: ArrayLike, target: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, logits: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, logits: ArrayLike, target: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logits: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

softmax_cross_entropy_general: _SoftmaxCrossEntropyGeneral

class _SoftmaxCrossEntropyIndex(VectorFunction):
    """Cross-entropy after softmax with a class index: the loss of a classifier from its logits and the number of the true     class."""

    def __call__(self, logits: ArrayLike, label: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, logits: ArrayLike, label: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, logits: ArrayLike, label: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, logits: ArrayLike, label: ArrayLike, g: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, logits: ArrayLike, label: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, logits: ArrayLike, label: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, logits: ArrayLike, label: ArrayLike, v: ArrayLike, *, wrt: Literal["logits"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

softmax_cross_entropy_index: _SoftmaxCrossEntropyIndex

class _Softmin(VectorFunction):
    """Softmin: the softmax of the negated scores, so that the smallest score gets the largest share."""

    def __call__(self, z: ArrayLike, *, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jacobian(self, z: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def vjp(self, z: ArrayLike, g: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, z: ArrayLike, v: ArrayLike, *, wrt: Literal["z"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]

softmin: _Softmin

class _Softplus(ScalarFunction):
    """Softplus: a ReLU with its corner rounded off."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

softplus: _Softplus

class _SparseCategoricalCrossEntropy(VectorFunction):
    """Cross-entropy of probabilities with a class index: minus the logarithm of the probability of class c."""

    def __call__(self, probabilities: ArrayLike, label: ArrayLike, *, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, probabilities: ArrayLike, label: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, probabilities: ArrayLike, label: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def vjp(self, probabilities: ArrayLike, label: ArrayLike, g: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, probabilities: ArrayLike, label: ArrayLike, v: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, out: Out = None) -> Any: ...  # type: ignore[override]
    def hessian(self, probabilities: ArrayLike, label: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, probabilities: ArrayLike, label: ArrayLike, v: ArrayLike, *, wrt: Literal["probabilities"] | None = None, axis: int = -1, reduction: Reduction = "none", out: Out = None) -> Any: ...  # type: ignore[override]

sparse_categorical_cross_entropy: _SparseCategoricalCrossEntropy

class _SquaredError(ScalarFunction):
    """Squared error: the distance to the target, squared."""

    def __call__(self, prediction: ArrayLike, target: ArrayLike, *, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None, reduction: Reduction = "none") -> Any: ...  # type: ignore[override]
    def value_and_grad(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Outs = None, reduction: Reduction = "none") -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, prediction: ArrayLike, target: ArrayLike, g: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, prediction: ArrayLike, target: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, prediction: ArrayLike, target: ArrayLike, v: ArrayLike, *, wrt: Literal["prediction"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

squared_error: _SquaredError

class _Tanh(ScalarFunction):
    """Hyperbolic tangent: the sigmoid, stretched and centred."""

    def __call__(self, x: ArrayLike, *, out: Out = None) -> Any: ...  # type: ignore[override]
    def grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def value_and_grad(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Outs = None) -> tuple[Any, Any]: ...  # type: ignore[override]
    def jacobian(self, x: ArrayLike, *, wrt: Literal["x"] | None = None) -> Any: ...  # type: ignore[override]
    def vjp(self, x: ArrayLike, g: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def jvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def second(self, x: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]
    def hvp(self, x: ArrayLike, v: ArrayLike, *, wrt: Literal["x"] | None = None, out: Out = None) -> Any: ...  # type: ignore[override]

tanh: _Tanh
