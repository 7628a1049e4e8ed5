"""SiLU, also called Swish: x gated by its own sigmoid."""

from chainrule import Definition, scalar, use

x = scalar("x")
sigmoid = use("sigmoid")
definition = Definition(
    x * sigmoid(x),
    wrt=x,
    symbol="SiLU",
    uses=(sigmoid,),
    context="The activation of EfficientNet and, inside SwiGLU, of many large language models.",
    strengths=("smooth, and close to the ReLU for large inputs", "a negative input still gets a gradient"),
    limits=("it costs an exponential", "its gradient vanishes on the left and changes sign on the way"),
    aliases=("swish",),
    source="Elfwing, Uchibe and Doya, 2018; Ramachandran, Zoph and Le, 2017",
)
