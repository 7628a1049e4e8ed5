"""chainrule: gradients of neural networks, derived line by line, every line checked."""
