"""Every error a user of chainrule can meet. Each message says what was wrong, where, and what to do."""


class ChainruleError(Exception):
    """Base class: catch it to catch everything that chainrule raises on purpose."""


class DefinitionError(ChainruleError):
    """A definition is incomplete or contradicts itself."""


class UnsupportedExpression(ChainruleError):
    """No rule covers a sub-expression. The message names it and the table where a row would go."""


class VerificationError(ChainruleError):
    """A line, a result or a property did not survive its numerical check."""


class UnknownName(ChainruleError):
    """A name that no derivation carries. The message suggests near ones."""


class RenderError(ChainruleError):
    """A template, a plot or a PDF could not be made."""
