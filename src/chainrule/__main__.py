"""``python -m chainrule`` is ``chainrule``."""

from .cli import main

if __name__ == "__main__":  # a worker process imports this module again
    main(prog_name="chainrule")
